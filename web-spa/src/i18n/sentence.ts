// Pure helpers of the catalogues.

export type Params = { readonly [name: string]: string | number | undefined };

// Fills {holes}; a hole without a value stays visible, so that the mistake is seen.
export function fill(sentence: string, params?: Params): string {
  if (!params) return sentence;
  return sentence.replace(/\{([a-z0-9_]+)\}/g, (hole, name: string) => {
    const value = params[name];
    return value === undefined ? hole : String(value);
  });
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
