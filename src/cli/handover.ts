/** Connections on their way to a worker that dies. */
import type { Worker } from 'node:cluster'

/** What node's cluster module writes for a connection, and what the worker answers once it has it. */
interface Handover {
  readonly cmd: 'NODE_CLUSTER'
  readonly act: 'newconn'
  readonly seq: number
}

interface Taken {
  readonly cmd: 'NODE_CLUSTER'
  readonly ack: number
}

interface Closable {
  close(): void
}

/**
 * node hands each connection to one worker and waits for it to say that it has it, for ever: a client whose worker was
 * killed just then would hang. Answers in place of the dead, so that node gives the connection to another worker; when
 * there is none, the connection is closed.
 */
export function returnConnections(worker: Worker, othersServe: () => boolean): void {
  const { process } = worker
  const pending = new Map<number, Closable>()
  const send = process.send.bind(process) as (...args: readonly unknown[]) => boolean
  Object.assign(process, {
    send(...args: readonly unknown[]): boolean {
      const [message, handle] = args
      if (isHandover(message) && isClosable(handle)) pending.set(message.seq, handle)
      return send(...args)
    },
  })
  process.on('internalMessage', (message: unknown) => {
    if (isTaken(message)) pending.delete(message.ack)
  })
  const giveBack = (ack: number, handle: Closable): void => {
    if (othersServe()) process.emit('internalMessage', { cmd: 'NODE_CLUSTER', ack, accepted: false })
    else handle.close()
  }
  worker.once('exit', () => {
    setImmediate(() => {
      for (const [ack, handle] of pending) giveBack(ack, handle)
    })
  })
}

const isInternal = (message: unknown): message is { readonly cmd: string } =>
  typeof message === 'object' && message !== null && 'cmd' in message && message.cmd === 'NODE_CLUSTER'

const isHandover = (message: unknown): message is Handover =>
  isInternal(message) && 'act' in message && message.act === 'newconn'

const isTaken = (message: unknown): message is Taken =>
  isInternal(message) && 'ack' in message && typeof message.ack === 'number'

const isClosable = (handle: unknown): handle is Closable =>
  typeof handle === 'object' && handle !== null && 'close' in handle && typeof handle.close === 'function'
