// Reads a topic of schemas/topics/ into what it is about. The base is already taken off.

export const CONFIG_KINDS = ['bus', 'circuit', 'cost_rule', 'device', 'panel', 'tariff', 'zone'] as const;
export type ConfigKind = (typeof CONFIG_KINDS)[number];

export type Subject =
  | { kind: 'service'; name: string }
  | { kind: 'config'; what: ConfigKind; id: number }
  | { kind: 'profile'; id: string }
  | { kind: 'settings'; name: string }
  | { kind: 'busStatus' | 'scan'; id: number }
  | { kind: 'deviceStatus' | 'charge' | 'deviceState' | 'links'; id: number }
  | { kind: 'measures'; id: number; group: string }
  | { kind: 'greenup' }
  | { kind: 'session'; id: number };

const ID = /^[1-9][0-9]{0,9}$/;

function readId(text: string | undefined): number | null {
  return text !== undefined && ID.test(text) ? Number(text) : null;
}

function readConfig(kind: string, id: string): Subject | null {
  if (kind === 'profile') return { kind: 'profile', id };
  if (kind === 'settings') return { kind: 'settings', name: id };
  const number = readId(id);
  if (number === null) return null;
  const what = CONFIG_KINDS.find((one) => one === kind);
  return what === undefined ? null : { kind: 'config', what, id: number };
}

function readDevice(id: number, leaf: string, group: string | undefined): Subject | null {
  if (leaf === 'measures') return group === undefined ? null : { kind: 'measures', id, group };
  if (group !== undefined) return null;
  switch (leaf) {
    case 'status': return { kind: 'deviceStatus', id };
    case 'charge': return { kind: 'charge', id };
    case 'state': return { kind: 'deviceState', id };
    case 'links': return { kind: 'links', id };
    default: return null;
  }
}

// null: not a topic this app knows.
export function readTopic(topic: string): Subject | null {
  const [head, second, third, fourth, fifth] = topic.split('/');
  if (topic === 'greenup/status') return { kind: 'greenup' };
  if (head === 'session' && third === undefined) {
    const id = readId(second);
    return id === null ? null : { kind: 'session', id };
  }
  if (second === undefined || third === undefined || fifth !== undefined) return null;
  switch (head) {
    case 'service':
      return third === 'status' && fourth === undefined ? { kind: 'service', name: second } : null;
    case 'config':
      return fourth === undefined ? readConfig(second, third) : null;
    case 'bus': {
      const id = readId(second);
      if (id === null || fourth !== undefined) return null;
      return third === 'status' ? { kind: 'busStatus', id } : third === 'scan' ? { kind: 'scan', id } : null;
    }
    case 'device': {
      const id = readId(second);
      return id === null ? null : readDevice(id, third, fourth);
    }
    default:
      return null;
  }
}
