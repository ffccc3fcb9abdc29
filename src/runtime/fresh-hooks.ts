/** Runs in the thread of module hooks: what a fresh module imports by a relative path is as fresh as itself. */
interface Resolution {
  readonly url: string
}

export async function resolve(
  specifier: string,
  context: { readonly parentURL?: string },
  next: (specifier: string, context: object) => Promise<Resolution>,
): Promise<Resolution> {
  const found = await next(specifier, context)
  const state = /[?&]state=([0-9a-f]{16})$/.exec(context.parentURL ?? '')?.[1]
  if (state === undefined || !/^\.{1,2}\//.test(specifier) || !found.url.startsWith('file:')) return found
  return { ...found, url: `${found.url}${found.url.includes('?') ? '&' : '?'}state=${state}` }
}
