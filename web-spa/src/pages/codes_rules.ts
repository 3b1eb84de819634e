// What a PIN and a PUK look like (USR-01). Pure.
export const PIN_LENGTH = 5;
export const PUK_LENGTH = 14;
export const pukGroups = [5, 4, 5] as const;

// People paste "00000 9999 00000".
export const onlyDigits = (text: string): string => text.replace(/[^0-9]/g, '');

export interface CodesForm { pin: string; puk: string; newPin: string; newPuk: string; repeatPin: string; repeatPuk: string }
export type CodesProblem = 'five' | 'fourteen' | 'same_pin' | 'same_puk' | 'still_default';

const isPin = (text: string): boolean => /^[0-9]{5}$/.test(text);
const isPuk = (text: string): boolean => /^[0-9]{14}$/.test(text);

// The first thing wrong with each field; an empty object: the form can be sent.
export function checkCodes(form: CodesForm): { [K in keyof CodesForm]?: CodesProblem } {
  const problems: { [K in keyof CodesForm]?: CodesProblem } = {};
  if (!isPin(form.pin)) problems.pin = 'five';
  if (!isPuk(form.puk)) problems.puk = 'fourteen';
  if (!isPin(form.newPin)) problems.newPin = 'five';
  else if (form.newPin === form.pin) problems.newPin = 'still_default';
  if (!isPuk(form.newPuk)) problems.newPuk = 'fourteen';
  else if (form.newPuk === form.puk) problems.newPuk = 'still_default';
  if (form.repeatPin !== form.newPin) problems.repeatPin = 'same_pin';
  if (form.repeatPuk !== form.newPuk) problems.repeatPuk = 'same_puk';
  return problems;
}
