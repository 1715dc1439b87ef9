/** What a statement of Holdfast's own is counted under; '' for not at all. On the config object, where the driver does not look. */
export const COUNTED_AS: unique symbol = Symbol('holdfast.countedAs')

/** A statement that the observation of the pool leaves out, or counts under another text: it is not the service's. Takes the place of the text. */
export function unobserved(text: string, countedAs = ''): string {
  // Typed as the text it stands for: the caller's driver takes both, and its types are the caller's.
  return { text, [COUNTED_AS]: countedAs } as unknown as string
}
