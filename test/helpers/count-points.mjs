/** Counts the assertions of a TAP document: test points that do not summarise a subtest. */
export function countPoints(tap) {
  let passed = 0
  let failed = 0
  let depth = 0
  let yaml = null
  for (const line of tap.split('\n')) {
    const indent = line.length - line.trimStart().length
    const text = line.trim()
    if (yaml !== null) {
      if (text === '...' && indent === yaml) yaml = null
      continue
    }
    if (text === '---') {
      yaml = indent
      continue
    }
    if (text === '' || text.startsWith('#') || text === '}') continue
    const point = /^(not )?ok\b(.*)$/.exec(text)
    const summary = indent < depth || point?.[2]?.endsWith('{')
    depth = indent
    if (point === null || summary || /# (SKIP|TODO)/i.test(text)) continue
    if (point[1]) failed++
    else passed++
  }
  return { passed, failed }
}
