/** Names of files as users give them, and as a download carries them. */

/** Null when the name is fine, else what is wrong with it, as the rest of a sentence. */
export function nameProblem(name: string): string | null {
  if (name === '') return 'may not be empty'
  if (name.includes('..')) return 'may not hold ".."'
  const bad = /[/\\"\p{Cc}\u2028\u2029]/u.exec(name)
  if (bad === null) return null
  const shown = /[/\\"]/.test(bad[0]) ? bad[0] : 'control characters'
  return `may not hold ${shown}`
}

/** Token `type/subtype` with parameters, as it can stand in a header. */
export const CONTENT_TYPE = /^[\w!#$&^.+-]{1,100}\/[\w!#$&^.+-]{1,100}( ?;[ -~]{0,100})?$/

/** `attachment` with a plain name for old clients and the true one (RFC 6266, RFC 8187). */
export function contentDisposition(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]/gu, '_').replace(/["\\%]/g, '_')
  const encoded = encodeURIComponent(name).replace(
    /['()*!]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`
}

export function downloadName(row: { readonly filename?: unknown; readonly extension?: unknown }): string {
  const [filename, extension] = [String(row.filename ?? 'file'), String(row.extension ?? '')]
  return extension === '' ? filename : `${filename}.${extension}`
}
