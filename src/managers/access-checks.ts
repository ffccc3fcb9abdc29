/**
 * The same conditions as in reads, asked about rows that are known by key: a write's verdicts cost one statement for each
 * resource, however many rows and rules there are.
 */
import type { Key, Row } from '../hooks.js'
import type { Model, PermissionReach, Resource } from '../model/model.js'
import { keyText } from '../plan/write-shape.js'
import { listCondition, listVerb, reachOf } from './access.js'
import type { Queryable } from './database.js'
import { names, quote } from './mutate/columns.js'
import { decodeRow, keysText, postgresMatch, sqliteMatch } from './mutate/lookup.js'
import type { Writer } from './mutate/rows.js'

/** One list of one rule, reached from a row of the resource by `reach.hops`. */
interface Condition {
  readonly id: string
  readonly reach: PermissionReach
  readonly verb: string
}

interface Question {
  readonly resource: Resource
  readonly keys: Map<string, Key>
  readonly conditions: Map<string, Condition>
  /** Key → condition → passes; filled by `run`. Rows that do not exist have no entry. */
  readonly answers: Map<string, ReadonlyMap<string, boolean>>
}

/** Questions are collected first, then answered together by `run`, then looked up. */
export class AccessChecks {
  readonly #model: Model
  readonly #writer: Writer
  readonly #paths: readonly string[]
  readonly #questions = new Map<string, Question>()

  /** `paths`: `identity.admittingPaths` of the caller. */
  constructor(model: Model, writer: Writer, paths: readonly string[]) {
    this.#model = model
    this.#writer = writer
    this.#paths = paths
  }

  /** May the caller `verb` this row, as far as lists go? Nothing is asked of the database where no rule reaches it. */
  askVerb(resource: Resource, key: Key, verb: string): void {
    for (const reach of reachOf(resource, verb)) this.askReach(resource, key, reach, verb)
  }

  askReach(resource: Resource, key: Key, reach: PermissionReach, verb: string): void {
    const question = this.#question(resource)
    question.keys.set(keyText(resource, key), key)
    const id = conditionId(reach, verb)
    question.conditions.set(id, { id, reach, verb: listVerb(verb) })
  }

  /** Answers everything asked so far: one statement for each resource. */
  async run(db: Queryable): Promise<void> {
    for (const question of this.#questions.values()) {
      if (question.keys.size > 0) await this.#answer(db, question)
    }
  }

  /** False also for a row that does not exist, where a rule reaches its resource. */
  passesVerb(resource: Resource, key: Key, verb: string): boolean {
    return reachOf(resource, verb).every(
      (reach) => this.#answerOf(resource, key)?.get(conditionId(reach, verb)) === true,
    )
  }

  /** True also for a row that does not exist: no rule is reached through it. */
  passesReach(resource: Resource, key: Key, reach: PermissionReach, verb: string): boolean {
    return this.#answerOf(resource, key)?.get(conditionId(reach, verb)) ?? true
  }

  #answerOf(resource: Resource, key: Key): ReadonlyMap<string, boolean> | undefined {
    return this.#questions.get(resource.name)?.answers.get(keyText(resource, key))
  }

  #question(resource: Resource): Question {
    const known = this.#questions.get(resource.name)
    if (known !== undefined) return known
    const question = { resource, keys: new Map(), conditions: new Map(), answers: new Map() }
    this.#questions.set(resource.name, question)
    return question
  }

  async #answer(db: Queryable, { resource, keys, conditions, answers }: Question): Promise<void> {
    const ordered = [...conditions.values()]
    const shape = ordered.map(({ id }) => id).join(' ')
    const named = this.#writer.texts.get(`access ${resource.name} ${shape}`, () =>
      this.#text(resource, ordered),
    )
    const wanted = keysText(this.#writer, resource.primaryKey, [...keys.values()])
    const values =
      this.#writer.dialect === 'postgres'
        ? [wanted, this.#paths]
        : [...ordered.map(() => JSON.stringify(this.#paths)), wanted]
    const width = resource.primaryKey.length
    for (const row of await db.query({ ...named, values })) {
      const key: Row = decodeRow(resource.primaryKey, row)
      answers.set(
        keyText(resource, key),
        new Map(ordered.map(({ id }, index) => [id, Boolean(row[width + index])])),
      )
    }
  }

  #text(resource: Resource, conditions: readonly Condition[]): string {
    const { dialect } = this.#writer
    const binder = { paths: () => (dialect === 'postgres' ? '$2' : '?') }
    const passes = conditions.map(({ reach, verb }) =>
      listCondition(this.#model, resource, reach, verb, 't', binder, dialect),
    )
    const match =
      dialect === 'postgres' ? postgresMatch(resource.primaryKey) : sqliteMatch(resource.primaryKey)
    return `SELECT ${[names(resource.primaryKey, 't.'), ...passes].join(', ')} FROM ${quote(resource.table)} AS t ${match}`
  }
}

const conditionId = ({ rule, hops }: PermissionReach, verb: string): string =>
  `${rule.carrier}.${rule.key}:${listVerb(verb)}:${hops.join('.')}`
