/** Generates load if wrk is missing: `node autocannon.mjs <url> <file> <content type> <seconds> <connections>`. */
import { readFileSync } from 'node:fs'
import autocannon from 'autocannon'

const [url, path, type, seconds, connections] = process.argv.slice(2)
const { requests, duration, non2xx, errors } = await autocannon({
  url,
  method: 'POST',
  headers: { 'content-type': type },
  body: readFileSync(path),
  duration: Number(seconds),
  connections: Number(connections),
})
console.log(JSON.stringify({ requests: requests.total, seconds: duration, failed: non2xx + errors }))
