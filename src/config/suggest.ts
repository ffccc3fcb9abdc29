import { distance } from 'fastest-levenshtein'

/**
 * The name most like `word`, if one is near enough to be what was meant: some of its letters must be there. Upper and lower
 * case count as alike.
 */
export function closest(word: string, names: Iterable<string>): string | null {
  let best: string | null = null
  let least = Number.POSITIVE_INFINITY
  for (const name of names) {
    const steps = distance(word.toLowerCase(), name.toLowerCase())
    if (steps < least) [best, least] = [name, steps]
  }
  const length = Math.max(word.length, best?.length ?? 0)
  return least < length && least <= Math.max(1, Math.floor(length * 0.4)) ? best : null
}

/** A hint for an unknown name: the nearest one, else all of them when they are few. */
export function didYouMean(word: string, names: readonly string[], kind: string): string | null {
  const guess = closest(word, names)
  if (guess !== null) return `did you mean \`${guess}\`?`
  return names.length > 0 && names.length <= 20
    ? `${kind} are ${names.map((name) => `\`${name}\``).join(', ')}`
    : null
}
