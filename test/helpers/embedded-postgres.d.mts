export interface EmbeddedServer {
  readonly url: string
  pause(): Promise<void>
  resume(): Promise<void>
  stop(): Promise<void>
}
export function startPostgres(): Promise<EmbeddedServer>
