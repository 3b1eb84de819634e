// Pure helpers of the catalogues.

export type Params = { readonly [name: string]: string | number | undefined };

// Letters that are written from right to left, and signs that turn the direction: kept from turning the rest of a sentence.
const TURNS = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufefc]/;
const isolated = (text: string): string => (TURNS.test(text) ? `\u2068${text}\u2069` : text);

// Fills {holes}; a hole without a value stays visible, so that the mistake is seen.
export function fill(sentence: string, params?: Params): string {
  if (!params) return sentence;
  return sentence.replace(/\{([a-z0-9_]+)\}/g, (hole, name: string) => {
    const value = params[name];
    return value === undefined ? hole : isolated(String(value));
  });
}

// The gateway names the exceptions of Modbus in English (`name` beside `exception`): here they are the reader's.
export function named(sentences: { readonly [key: string]: string }, params: Params | undefined): Params | undefined {
  const name = params?.exception === undefined ? undefined : sentences[`modbus.exception.${params.exception}`];
  return name === undefined ? params : { ...params, name };
}

// The key of the form a language uses for `count`: `key#one`, `key#few` … where it has one. The plain key is for all else.
export function pluralKey(sentences: { readonly [key: string]: string }, key: string, params: Params | undefined, tag: string): string {
  const count = params?.count;
  if (count === undefined) return key;
  const form = `${key}#${new Intl.PluralRules(tag).select(Number(String(count).replace(/\D/g, '')))}`; // counts come with separators
  return form in sentences ? form : key;
}

// The first wanted language that can be had, trying `fr` for `fr-BE`; English when there is none.
export function resolveLanguage(wanted: readonly string[], available: readonly string[]): string {
  const find = (tag: string): string | undefined => available.find((one) => one.toLowerCase() === tag.toLowerCase());
  for (const tag of wanted) {
    const found = find(tag) ?? find(tag.split('-')[0] ?? tag);
    if (found !== undefined) return found;
  }
  return 'en';
}
