/** A bar chart of ratios, as an SVG for light and dark pages. */

const bar = 14
const gap = 6
const labels = 330
const width = 860
/** Longer bars are cut: their figure shows the value. */
const longest = 2

/**
 * @param {readonly { row: string, framework: string, what: string, ratio: number, limit: string, bound: string, holds: boolean }[]} verdicts
 * @returns {string}
 */
export function chart(verdicts) {
  const scale = (width - labels - 60) / longest
  const height = 60 + verdicts.length * (bar + gap)
  const x = (ratio) => labels + Math.min(ratio, longest) * scale
  const lines = verdicts.map(({ row, framework, what, ratio, limit, holds }, at) => {
    const y = 44 + at * (bar + gap)
    const label = `${row}, ${framework}: ${what.split(',')[0]}`
    return [
      `<text x="${labels - 8}" y="${y + 11}" text-anchor="end">${label}</text>`,
      `<rect class="${holds ? 'holds' : 'misses'}" x="${labels}" y="${y}" width="${(x(ratio) - labels).toFixed(1)}" height="${bar}" rx="2"/>`,
      `<path class="limit" d="M${x(Number(limit)).toFixed(1)} ${y - 2}v${bar + 4}"/>`,
      `<text x="${figurePlace(x(ratio), x(Number(limit))).toFixed(1)}" y="${y + 11}">${ratio.toFixed(2)}</text>`,
    ].join('\n')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>Formgate relative to the best peer on the same framework</title>
<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.holds { fill: #2f81c7 }
.misses { fill: #c2703d }
.peer { stroke: #8c959f; stroke-dasharray: 3 3 }
.limit { stroke: #24292f; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #d0d7de }
  .limit { stroke: #d0d7de }
}
</style>
<text x="8" y="16">Formgate relative to the best peer, which is 1. Throughput: more is better; everything else: less is better.</text>
<text x="8" y="32">The stroke marks the target; bars of the other colour miss it.</text>
<path class="peer" d="M${x(1)} 38V${height - 8}"/>
${lines.join('\n')}
</svg>
`
}

/** The place after the bar, or after the stroke if that would overlap the figure. */
function figurePlace(end, stroke) {
  const isCovered = stroke > end - 2 && stroke < end + 36
  return (isCovered ? Math.max(end, stroke) : end) + 6
}
