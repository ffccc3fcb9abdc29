/** Patterns run on what clients send: one whose time could explode is refused at start. */

/** What a part of a pattern can match in more than one way. */
interface Shape {
  /** It holds `*`, `+` or `{n,}`. */
  readonly endless: boolean
  /** How many lengths its bounded quantifiers allow. */
  readonly lengths: number
}

interface Quantifier {
  readonly min: number
  readonly max: number
}

const FIXED: Shape = { endless: false, lengths: 1 }
/** `(\.\d{1,3}){3}` is fine: as many ways as this are tried at once. */
const MAX_WAYS = 10_000

/** One character, class, escape or assertion; groups are taken apart. */
const ATOM = /\[(?:[^\]\\]|\\.)*\]|\\(?:[pPu]\{[^}]*\}|k<[^>]*>|.)|[^()|]/uy
const OPEN = /\((?:\?(?:[:=!]|<[=!]|<[^>]*>))?/uy
const QUANTIFIER = /(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??/uy

/**
 * Whether a valid expression repeats something of open length: `(a+)+`, `(a?)*`, `(.*a){25}`, `(\w{1,9}){9}`. Such may take
 * forever on a text that nearly matches. `(-\d+)?` and `([0-9A-F]{2}:){5}` are fine: refused is a repetition, more than once,
 * of what has more than one length.
 */
export function nestsQuantifiers(pattern: string): boolean {
  let at = 0
  let nested = false
  const take = (expression: RegExp): RegExpExecArray | null => {
    expression.lastIndex = at
    const match = expression.exec(pattern)
    if (match !== null) at += match[0].length
    return match
  }
  const alternatives = (): Shape => {
    let shape = sequence()
    while (pattern[at] === '|') {
      at += 1
      const other = sequence()
      shape = {
        endless: shape.endless || other.endless,
        lengths: Math.max(shape.lengths, other.lengths),
      }
    }
    return shape
  }
  const sequence = (): Shape => {
    let shape = FIXED
    for (let next = term(); next !== null; next = term()) {
      shape = { endless: shape.endless || next.endless, lengths: shape.lengths * next.lengths }
    }
    return shape
  }
  const term = (): Shape | null => {
    let shape = FIXED
    if (take(OPEN) !== null) {
      shape = alternatives()
      at += 1
    } else if (take(ATOM) === null) return null
    const quantifier = quantifierOf(take(QUANTIFIER))
    if (quantifier === null) return shape
    nested ||= explodes(shape, quantifier)
    return repeated(shape, quantifier)
  }
  alternatives()
  return nested
}

const SIGNS: Readonly<Record<string, Quantifier>> = {
  '*': { min: 0, max: Number.POSITIVE_INFINITY },
  '+': { min: 1, max: Number.POSITIVE_INFINITY },
  '?': { min: 0, max: 1 },
}

function quantifierOf(match: RegExpExecArray | null): Quantifier | null {
  if (match === null) return null
  const [, sign, min, comma, max] = match
  if (sign !== undefined) return SIGNS[sign] ?? null
  if (comma === undefined) return { min: Number(min), max: Number(min) }
  return { min: Number(min), max: max === '' ? Number.POSITIVE_INFINITY : Number(max) }
}

function explodes({ endless, lengths }: Shape, { max }: Quantifier): boolean {
  if (max <= 1) return false
  if (endless) return true
  return lengths > 1 && (max === Number.POSITIVE_INFINITY || lengths ** max > MAX_WAYS)
}

function repeated({ endless, lengths }: Shape, { min, max }: Quantifier): Shape {
  if (max === Number.POSITIVE_INFINITY) return { endless: true, lengths: 1 }
  return { endless, lengths: lengths ** Math.max(max, 1) * (max - min + 1) }
}

/** `(a|a)*`, `(\d|\w)+`: a repeated choice whose branches may begin alike; refused when in doubt. */
export function repeatsAlternatives(pattern: string): boolean {
  for (const match of pattern.matchAll(/\(((?:[^()\\]|\\.)*\|(?:[^()\\]|\\.)*)\)(?:[*+]|\{\d+,\d*\})/g)) {
    const starts = (match[1] ?? '')
      .replace(/^\?:/, '')
      .split('|')
      .map((branch) => /^(\\.|[^\\])/.exec(branch)?.[0] ?? '')
    const plain = starts.every((start) => /^(?:[\w\- ]|\\[^\w])$/.test(start))
    if (!plain || new Set(starts).size < starts.length) return true
  }
  return false
}
