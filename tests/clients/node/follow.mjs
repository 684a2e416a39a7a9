// Follows all sessions as the page says, until one is closed; prints the states that it was told of.
import { follow } from "./page.mjs"

const [url, token] = process.argv.slice(2)
const states = []
const stop = new AbortController()
setTimeout(() => stop.abort(), 20_000).unref()
console.log("begun")
await follow(`${url}/events`, async () => token, (told) => {
  states.push(told.state)
  if (told.state === "awaiting_review") {
    console.log(JSON.stringify(told))
    process.exit(0)
  }
}, stop.signal)
process.exit(1)
