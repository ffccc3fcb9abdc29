import t from 'tap'
import { silentLog } from '../../src/log.js'
import { createEffects } from '../../src/services/effects.js'

const world = () => {
  const failed: string[] = []
  const done: string[] = []
  const effects = createEffects(silentLog(), {
    statement: () => {},
    effectFailed: (origin) => failed.push(origin),
  })
  return { failed, done, effects, note: (name: string) => () => done.push(name) }
}

t.test('rollback effects run last in, first out, and commit effects not at all', async (t) => {
  const { effects, done, note } = world()
  effects.onRollback(note('a'), 'x')
  effects.onRollback(note('b'), 'x')
  effects.afterCommit(note('c'), 'x')
  await effects.rolledBack()
  t.same(done, ['b', 'a'])
})

t.test('commit effects run in order, and rollback effects not at all', async (t) => {
  const { effects, done, note } = world()
  effects.onRollback(note('a'), 'x')
  effects.afterCommit(note('b'), 'x')
  effects.afterCommit(note('c'), 'x')
  await effects.committed()
  t.same(done, ['b', 'c'])
})

t.test('a failing effect is counted and does not stop the others', async (t) => {
  const { effects, done, failed, note } = world()
  effects.afterCommit(() => Promise.reject(new Error('no')), 'audit.announce on Study')
  effects.afterCommit(note('b'), 'x')
  await effects.committed()
  t.same(done, ['b'])
  t.same(failed, ['audit.announce on Study'])
})

t.test(
  'a repeated transaction undoes its earlier attempt and keeps what the prefix hooks registered',
  async (t) => {
    const { effects, done, note } = world()
    effects.onRollback(note('prefix'), 'x')
    await effects.attempt()
    effects.onRollback(note('first'), 'x')
    effects.afterCommit(note('first commit'), 'x')
    await effects.attempt()
    t.same(done, ['first'])
    effects.afterCommit(note('second commit'), 'x')
    await effects.committed()
    t.same(done, ['first', 'second commit'])
  },
)

t.test('an effect that hangs is given up, and the next one runs', async (t) => {
  const failed: string[] = []
  const done: string[] = []
  const metrics = { statement: () => {}, effectFailed: (origin: string) => failed.push(origin) }
  const effects = createEffects(silentLog(), metrics, 20)
  effects.afterCommit(() => new Promise(() => {}), 'audit.hang on Study')
  effects.afterCommit(() => done.push('next'), 'x')
  await effects.committed()
  t.same(failed, ['audit.hang on Study'])
  t.same(done, ['next'])
})

t.test('an effect registered after the end is refused with the name of its hook', async (t) => {
  const { effects, note } = world()
  await effects.committed()
  t.throws(() => effects.afterCommit(note('late'), 'audit.stamp on Study'), /audit\.stamp on Study: .*await/)
})

t.test('what is no function is refused', async (t) => {
  const { effects } = world()
  t.throws(() => effects.onRollback('undo' as never, 'audit.stamp'), TypeError)
})
