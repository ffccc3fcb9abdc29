/** Whether an Accept header admits JSON (RFC 9110, 12.5.1): the most specific range that fits decides, q=0 refuses. */
const SPECIFICITY = new Map([
  ['application/json', 3],
  ['application/*', 2],
  ['*/*', 1],
])

export function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept === '*/*' || accept === 'application/json' || accept.trim() === '')
    return true
  let best = 0
  let admitted = false
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    const specificity = type === 'application/problem+json' ? 1 : (SPECIFICITY.get(type) ?? 0)
    if (specificity <= best) continue
    best = specificity
    admitted = !parameters.some((parameter) => /^q=0(\.0{0,3})?$/.test(parameter))
  }
  return admitted
}
