// Pure. 1, 2, 4, 8, then 15 s, each ± 20 %, so that many browsers do not come back at the same moment.
const STEPS_MS = [1_000, 2_000, 4_000, 8_000, 15_000] as const;

export function backoffMs(attempt: number, random: number): number {
  const step = STEPS_MS[Math.min(Math.max(attempt, 0), STEPS_MS.length - 1)] ?? 15_000;
  return Math.round(step * (0.8 + 0.4 * random));
}
