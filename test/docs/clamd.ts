/** Stands in for the daemon of ClamAV where the pages run: it reports every script as a virus. */
import { createServer, type Server } from 'node:net'

export const clamd: Server = createServer((socket) => {
  let received = Buffer.alloc(0)
  let next = 'zINSTREAM\0'.length
  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes])
    while (received.length >= next + 4) {
      const size = received.readUInt32BE(next)
      next += 4 + size
      if (size > 0) continue
      // An empty chunk is the last.
      socket.end(received.includes('#!/bin/sh') ? 'stream: Script.Sample FOUND\0' : 'stream: OK\0')
    }
  })
}).listen(0, '127.0.0.1')
