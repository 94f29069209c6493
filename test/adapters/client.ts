/** A client that sends exactly the bytes that a test names, and reads exactly what comes back. */
import { connect, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'vitest'

/** Far longer than any answer takes, and shorter than the timeout of a test. */
const patience = 60_000

export interface Answer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly bytes: Buffer
  /** The body as JSON. */
  readonly json: any
}

export interface Sent {
  readonly method?: string
  readonly path?: string
  readonly type?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  /** How the end of the body is declared. Default `length`; `none` leaves it to `headers`. */
  readonly framing?: 'length' | 'chunked' | 'none'
}

/** The head of a request. */
export function head({ method = 'POST', path = '/', type, headers = {}, body = '', framing }: Sent): string {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  if (type !== undefined) fields.push(`Content-Type: ${type}\r\n`)
  if (framing === 'chunked') fields.push('Transfer-Encoding: chunked\r\n')
  else if (framing !== 'none') fields.push(`Content-Length: ${Buffer.byteLength(body)}\r\n`)
  return `${method} ${path} HTTP/1.1\r\nHost: test\r\n${fields.join('')}\r\n`
}

/** One chunk of a chunked body. */
export function chunk(bytes: string | Buffer): Buffer {
  const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  return Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from('\r\n')])
}

export const lastChunk = '0\r\n\r\n'

/** A connection to the server. */
export class Connection {
  readonly #socket: Socket
  #received = Buffer.alloc(0)
  #ended = false
  readonly #interim: number[] = []
  #wake: () => void = () => undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data])
      this.#wake()
    })
    // A reset counts as an end: the test looks at what came before.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#ended = true
      this.#wake()
    })
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.once('error', reject).once('connect', () => resolve(new Connection(socket)))
    })
  }

  get isClosed(): boolean {
    return this.#ended
  }

  /** The statuses of interim answers, such as 100, that have been read so far. */
  get interim(): readonly number[] {
    this.#readInterim()
    return this.#interim
  }

  write(bytes: string | Buffer): this {
    if (!this.#socket.destroyed) this.#socket.write(bytes)
    return this
  }

  /**
   * Writes each byte on its own and gives the server a turn to read it. Once the server has answered, the rest follows
   * in one write.
   */
  async writeBytes(bytes: Buffer, wrap: (byte: Buffer) => Buffer = (byte) => byte): Promise<void> {
    let at = 0
    for (; at < bytes.length && this.#received.length === 0 && !this.#ended; at += 1) {
      this.write(wrap(bytes.subarray(at, at + 1)))
      await setImmediate()
    }
    if (at < bytes.length) this.write(wrap(bytes.subarray(at)))
  }

  /** Says that nothing more will be sent. */
  end(): this {
    this.#socket.end()
    return this
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Closes the connection with a reset. */
  reset(): void {
    this.#socket.resetAndDestroy()
  }

  /** Waits until the server has closed the connection. */
  closed(): Promise<void> {
    return this.#until(() => (this.#ended ? true : undefined), 'for the connection to be closed').then(
      () => undefined,
    )
  }

  /** Reads one whole answer and leaves what follows to the next call. */
  answer(): Promise<Answer> {
    return this.#until(() => this.#readAnswer(), 'for an answer')
  }

  async #until<T>(look: () => T | undefined, what: string): Promise<T> {
    let late = false
    const timer = setTimeout(() => {
      late = true
      this.#wake()
    }, patience)
    try {
      for (;;) {
        const found = look()
        if (found !== undefined) return found
        const seen = JSON.stringify(this.#received.toString('latin1', 0, 500))
        if (late) throw new Error(`Waited ${patience} ms ${what}. Received: ${seen}`)
        if (this.#ended) throw new Error(`Waited ${what}, but the connection was closed. Received: ${seen}`)
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    } finally {
      clearTimeout(timer)
    }
  }

  #readInterim(): void {
    for (;;) {
      const [all = '', status] =
        /^HTTP\/1\.1 (1\d\d)[^]*?\r\n\r\n/.exec(this.#received.toString('latin1')) ?? []
      if (status === undefined) return
      this.#interim.push(Number(status))
      this.#received = this.#received.subarray(all.length)
    }
  }

  #readAnswer(): Answer | undefined {
    this.#readInterim()
    const end = this.#received.indexOf('\r\n\r\n')
    if (end === -1) return undefined
    const [first = '', ...lines] = this.#received.toString('latin1', 0, end).split('\r\n')
    const status = Number(first.split(' ')[1])
    const from = end + 4
    const headers: Record<string, string> = {}
    for (const line of lines) {
      const colon = line.indexOf(':')
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
    }
    const found = this.#readBody(from, headers)
    if (found === undefined) return undefined
    this.#received = this.#received.subarray(found.next)
    const body = found.bytes.toString()
    return {
      status,
      headers,
      body,
      bytes: found.bytes,
      get json(): any {
        return JSON.parse(body)
      },
    }
  }

  #readBody(from: number, headers: Record<string, string>): { bytes: Buffer; next: number } | undefined {
    const length = headers['content-length']
    if (length !== undefined) {
      const next = from + Number(length)
      return this.#received.length < next ? undefined : { bytes: this.#received.subarray(from, next), next }
    }
    if (headers['transfer-encoding'] === 'chunked') return this.#readChunks(from)
    return this.#ended ? { bytes: this.#received.subarray(from), next: this.#received.length } : undefined
  }

  #readChunks(from: number): { bytes: Buffer; next: number } | undefined {
    const chunks: Buffer[] = []
    for (let at = from; ;) {
      const line = this.#received.indexOf('\r\n', at)
      if (line === -1) return undefined
      const size = Number.parseInt(this.#received.toString('latin1', at, line), 16)
      const next = line + 2 + size + 2
      if (this.#received.length < next) return undefined
      if (size === 0) return { bytes: Buffer.concat(chunks), next }
      chunks.push(this.#received.subarray(line + 2, line + 2 + size))
      at = next
    }
  }
}

/** How the body of a request is cut into writes. */
export type Cut = 'whole' | 'byte by byte'

/**
 * Sends one request and reads its answer. Then the connection must either carry another request or be closed: one that
 * hangs, or is out of step, fails the test.
 */
export async function exchange(port: number, sent: Sent, cut: Cut = 'whole'): Promise<Answer> {
  const connection = await Connection.open(port)
  try {
    const body = typeof sent.body === 'string' ? Buffer.from(sent.body) : (sent.body ?? Buffer.alloc(0))
    const isChunked = sent.framing === 'chunked'
    connection.write(head(sent))
    if (cut === 'byte by byte') await connection.writeBytes(body, isChunked ? chunk : undefined)
    else if (body.length > 0) connection.write(isChunked ? chunk(body) : body)
    if (isChunked) connection.write(lastChunk)
    const answer = await connection.answer()
    await expectInStep(connection, answer)
    return answer
  } finally {
    connection.destroy()
  }
}

const alive = 'GET /alive HTTP/1.1\r\nHost: test\r\n\r\n'

/** Expects the connection to carry the next request or to be closed. */
export async function expectInStep(connection: Connection, answer: Answer): Promise<void> {
  if (answer.headers['connection'] === 'close') {
    await connection.closed()
    return
  }
  connection.write(alive)
  const next = await connection.answer()
  expect({ status: next.status, body: next.body }).toEqual({
    status: 200,
    body: 'alive',
  })
}

/** The same after an error that was passed on: the app's own answer need not announce that the connection is closed. */
export function expectInStepOrClosed(connection: Connection): Promise<void> {
  connection.write(alive)
  return expectNextOrClosed(connection)
}

/** Expects the answer to the next request, which has been sent, or the end of the connection. */
export async function expectNextOrClosed(connection: Connection): Promise<void> {
  const answer = await connection.answer().catch(() => connection.closed())
  if (answer !== undefined) expect([answer.status, answer.body]).toEqual([200, 'alive'])
}

/** A multipart body of these parts. Without any, it is the closing delimiter alone. */
export function form(
  boundary: string,
  ...parts: readonly (readonly [header: string, content: string])[]
): string {
  const text = parts.map(([header, content]) => `--${boundary}\r\n${header}\r\n\r\n${content}\r\n`)
  return `${text.join('')}--${boundary}--\r\n`
}

/** The header of a field. */
export const field = (name: string): string => `Content-Disposition: form-data; name="${name}"`

/** The header of a file. */
export const file = (name: string, filename: string, type = 'text/plain'): string =>
  `Content-Disposition: form-data; name="${name}"; filename="${filename}"\r\nContent-Type: ${type}`

export const multipartX = 'multipart/form-data; boundary=X'
