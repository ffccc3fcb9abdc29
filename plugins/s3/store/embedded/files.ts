/** Writes that are whole or absent: a temporary file, fsync, rename, fsync of the folder. */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BiodmError } from 'biodm'
import { StoreError } from '../store.js'

/** Bytes that have arrived and lie on disk under a temporary name. */
export interface Incoming {
  readonly path: string
  readonly size: number
  /** Hex. */
  readonly sha256: string
}

/**
 * Writes a stream into `dir/<random>` and syncs it. More than `limit` bytes, or a stream that breaks, leave nothing behind;
 * then it throws `bad_request`.
 */
export async function receive(
  source: AsyncIterable<Uint8Array>,
  dir: string,
  limit: number,
): Promise<Incoming> {
  const path = join(dir, randomUUID())
  const hash = createHash('sha256')
  let size = 0
  try {
    const file = await open(path, 'wx')
    try {
      for await (const chunk of source) {
        size += chunk.byteLength
        if (size > limit)
          throw new BiodmError('bad_request', `The body is larger than the ${limit} bytes announced.`)
        hash.update(chunk)
        await file.writev([chunk])
      }
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    await discard(path)
    throw brokenOff(error)
  }
  return { path, size, sha256: hash.digest('hex') }
}

export async function writeJson(path: string, tmp: string, value: unknown): Promise<void> {
  const temporary = join(tmp, randomUUID())
  try {
    const file = await open(temporary, 'wx')
    try {
      await file.writeFile(JSON.stringify(value))
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await discard(temporary)
    throw error
  }
  await syncFolder(dirname(path))
}

/** Null when there is no such file. */
export async function readJson<T>(path: string): Promise<T | null> {
  const text = await orNull(readFile(path, 'utf8'))
  return text === null ? null : (JSON.parse(text) as T)
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

export async function discard(path: string): Promise<void> {
  await orNull(unlink(path))
}

/** Out of the way in one step, then removed; false when there was nothing. */
export async function removeFolder(path: string, tmp: string): Promise<boolean> {
  const trash = join(tmp, randomUUID())
  try {
    await rename(path, trash)
  } catch (error) {
    if (isAbsent(error)) return false
    throw error
  }
  await syncFolder(dirname(path))
  await rm(trash, { recursive: true, force: true })
  return true
}

/** Made with all its parents; what is made is on disk, like everything that is put into it. */
export async function ensureFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true })
  if (first === undefined) return
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
}

export const isAbsent = (error: unknown): boolean => (error as { code?: string }).code === 'ENOENT'

export async function orNull<T>(result: Promise<T>): Promise<T | null> {
  try {
    return await result
  } catch (error) {
    if (isAbsent(error)) return null
    throw error
  }
}

/** A disk that is full says so; one that fails is a store that is not available. Everything else is thrown as it is. */
export async function onDisk<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw diskError(error)
  }
}

function diskError(error: unknown): unknown {
  const { code, syscall, message } = error as { code?: string; syscall?: string; message?: string }
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new BiodmError('storage_full', undefined, { cause: error })
  return syscall === undefined
    ? error
    : new StoreError('unavailable', `the object folder failed: ${message}`, error)
}

function brokenOff(error: unknown): unknown {
  const { code } = error as { code?: string }
  return code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE'
    ? new BiodmError('bad_request', 'The upload broke off; nothing was kept.', { cause: error })
    : error
}
