/**
 * Wildcards ignore case the same way on both databases: two code points are equal when simple case folding makes them
 * so. Folding never changes the number of code points (`ß` is not `ss`).
 */

const ASCII = /^[\0-\x7f]*$/
const CASED = /\p{Changes_When_Casemapped}|\p{Changes_When_Casefolded}/u

const single = (mapped: string, original: string): string => ([...mapped].length === 1 ? mapped : original)

/** The code point that stands for all its case variants. */
function foldPoint(point: string): string {
  const upper = single(point.toUpperCase(), point)
  return single(upper.toLowerCase(), upper)
}

/** A key that is the same for texts that differ in case only. */
export function foldCase(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase()
  let folded = ''
  for (const point of text) folded += foldPoint(point)
  return folded
}

/** Folded code point → every code point that folds to it; those without a variant are left out. */
export type CaseVariants = ReadonlyMap<string, readonly string[]>

/** Nothing above this has upper and lower case (Adlam ends at U+1E943). */
const LAST_CASED = 0x1e943

/** Looks through all code points once: a few milliseconds. Keep the result. */
export function caseVariants(): CaseVariants {
  const variants = new Map<string, string[]>()
  for (let code = 0x41; code <= LAST_CASED; code++) {
    if (code === 0xd800) code = 0xe000
    const point = String.fromCodePoint(code)
    if (!CASED.test(point)) continue
    const folded = foldPoint(point)
    const same = variants.get(folded) ?? [folded]
    if (point !== folded) same.push(point)
    variants.set(folded, same)
  }
  for (const [folded, same] of variants) if (same.length === 1) variants.delete(folded)
  return variants
}

/**
 * Whether `text` consists of `pieces` in this order with anything in between: `['ds_', '']` is `ds_*`. Takes time linear
 * in the text for each piece. The pieces are folded already.
 */
export function matchesPieces(text: string, pieces: readonly string[]): boolean {
  const folded = foldCase(text)
  const first = pieces[0] ?? ''
  const last = pieces.at(-1) ?? ''
  if (pieces.length === 1) return folded === first
  if (folded.length < first.length + last.length || !folded.startsWith(first) || !folded.endsWith(last))
    return false
  const end = folded.length - last.length
  let from = first.length
  for (const piece of pieces.slice(1, -1)) {
    const found = folded.indexOf(piece, from)
    if (found < 0 || found + piece.length > end) return false
    from = found + piece.length
  }
  return from <= end
}
