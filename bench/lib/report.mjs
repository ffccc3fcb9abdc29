/** The table, on the terminal and in bench/results. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'

const fixed = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits) : '–')

export function printed(rows, footprint) {
  const lines = [
    '| workload | requests/s | ratio | floor | goal | CPU ms/request | CPU ratio | others |',
    '|---|---|---|---|---|---|---|---|',
  ]
  for (const { name, best, against, floor, goal } of rows) {
    const { biodm, [against]: limit, ...others } = best
    const ratio = biodm.rate / limit.rate
    const verdict = ratio >= goal ? 'goal' : ratio >= floor ? 'floor' : 'MISSED'
    const more = Object.entries(others).map(([other, { rate }]) => `${fixed(biodm.rate / rate, 2)} ${other}`)
    lines.push(
      `| ${name} | ${fixed(biodm.rate, 0)} | ${fixed(ratio, 2)} ${against} (${verdict}) | ${floor} | ${goal} | ` +
        `${fixed(biodm.cpu, 3)} | ${fixed(biodm.cpu / limit.cpu, 2)} | ${more.join(', ')} |`,
    )
  }
  if (footprint.length > 0) lines.push('', '| | measured | limit | goal |', '|---|---|---|---|')
  for (const { name, value, unit, floor, goal } of footprint) {
    lines.push(
      `| ${name} | ${fixed(value, unit === 's' ? 2 : 0)} ${unit} | ${floor} ${unit} | ${goal} ${unit} |`,
    )
  }
  return lines.join('\n')
}

export function save(rows, footprint, options) {
  const dir = new URL('../results/', import.meta.url)
  mkdirSync(dir, { recursive: true })
  const facts = { date: new Date().toISOString(), node: process.version, cpus: cpus().length, ...options }
  const results = rows.map(({ name, against, floor, goal, best }) => ({
    name,
    against,
    floor,
    goal,
    ratio: best.biodm.rate / best[against].rate,
    cpuRatio: best.biodm.cpu / best[against].cpu,
    best,
  }))
  writeFileSync(new URL('latest.json', dir), `${JSON.stringify({ facts, results, footprint }, null, 2)}\n`)
  const head = `Measured ${facts.date.slice(0, 10)} with Node ${facts.node} on ${facts.cpus} cores, ${options.rounds} rounds of ${options.milliseconds} ms over ${options.connections} connections.`
  writeFileSync(new URL('latest.md', dir), `${head}\n\n${printed(rows, footprint)}\n`)
}
