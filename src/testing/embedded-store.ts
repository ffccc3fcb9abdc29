import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Options for `plugins: { s3: … }` that keep objects in a fresh folder of the temporary directory; `remove` deletes it with
 * everything in it.
 */
export async function embeddedStore(): Promise<{
  readonly options: { readonly endpoint: string; readonly bucket: string }
  remove(): Promise<void>
}> {
  const dir = await mkdtemp(join(tmpdir(), 'biodm-objects-'))
  return {
    options: Object.freeze({ endpoint: `file:${dir}`, bucket: 'test' }),
    remove: () => rm(dir, { recursive: true, force: true }),
  }
}
