/** The store that the tests use. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import {
  CreateBucketCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  NoSuchBucket,
  S3Client,
} from '@aws-sdk/client-s3'
import type { S3ClientConfig } from '@aws-sdk/client-s3'
import { describe, inject, test } from 'vitest'

/** Includes the download of packages (ms). */
const startTimeout = 300_000

interface Access {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

interface Gateway extends Access {
  /** A user with a quota of a megabyte per bucket. */
  readonly limited: Access
}

/** A bucket, or a prefix in one. */
export interface TestStore {
  readonly config: S3ClientConfig
  readonly client: S3Client
  readonly bucket: string
  readonly prefix: string
  /** The environment variables for another process. */
  readonly env: Readonly<Record<string, string>>
  /** The keys of all objects, and `parts of <key>` for every unfinished upload. */
  readonly contents: () => Promise<string[]>
  /** A bucket with a quota of a megabyte, if we have started the store. */
  readonly limited?: TestStore
}

/** A suite that runs against a store, or is skipped with the reason. */
export async function describeWithStore(name: string, suite: (store: TestStore) => void): Promise<void> {
  const found = await findStore()
  if (typeof found !== 'string') {
    describe(`S3: ${name}`, () => {
      suite(found)
    })
    return
  }
  console.log(`Skipped: ${name}, since ${found}. FORMGATE_S3_ENDPOINT can name an S3 store.`)
  // oxlint-disable-next-line vitest/expect-expect -- there is nothing to expect
  test(`S3: ${name}`, ({ skip }) => skip(found))
}

/** @returns the store in FORMGATE_S3_*, one that is started here, or why there is none */
async function findStore(): Promise<TestStore | string> {
  const { FORMGATE_S3_ENDPOINT: endpoint, FORMGATE_S3_BUCKET: bucket } = process.env
  if (endpoint !== undefined) {
    const {
      FORMGATE_S3_ACCESS_KEY_ID: accessKeyId = '',
      FORMGATE_S3_SECRET_ACCESS_KEY: secretAccessKey = '',
    } = process.env
    return openStore({ endpoint, accessKeyId, secretAccessKey }, bucket)
  }
  const obstacle = obstacleTo()
  if (obstacle !== undefined) return obstacle
  const gateway = await startGateway()
  if (typeof gateway === 'string') return gateway
  return { ...(await openStore(gateway)), limited: await openStore(gateway.limited) }
}

/** The reason why no store can be started on this machine, if any. */
function obstacleTo(): string | undefined {
  if (process.getuid?.() !== 0) return 'this user may not install and run one'
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : ''
  return /^ID=debian$/m.test(release) ? undefined : 'this system is not Debian'
}

/**
 * Starts the store of this run, or waits until another test has started it.
 *
 * @returns its address, or why it could not be installed
 */
async function startGateway(): Promise<Gateway | string> {
  const folder = inject('storeFolder')
  if (isFirst(folder)) {
    const program = fileURLToPath(new URL('ceph-gateway.js', import.meta.url))
    const args = [program, folder, String(inject('storeOwner'))]
    const gateway = spawn(process.execPath, args, { detached: true, stdio: 'ignore' })
    gateway.unref()
    writeFileSync(join(folder, 'pid'), String(gateway.pid))
  }
  const news = (name: string): string | undefined =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : undefined
  for (let waited = 0; waited < startTimeout; waited += 50) {
    const [ready, missing, failed] = [news('ready.json'), news('missing'), news('failed')]
    if (ready !== undefined) return JSON.parse(ready) as Gateway
    if (missing !== undefined) return `its packages could not be installed (${missing.trim()})`
    if (failed !== undefined) throw new Error(`The S3 store did not start: ${failed}`)
    await delay(50)
  }
  throw new Error('The S3 store did not start in time.')
}

function isFirst(folder: string): boolean {
  try {
    mkdirSync(join(folder, 'started'))
    return true
  } catch {
    return false
  }
}

async function openStore(access: Access, ownBucket?: string): Promise<TestStore> {
  const { endpoint, accessKeyId, secretAccessKey } = access
  const region = process.env['FORMGATE_S3_REGION'] ?? 'us-east-1'
  const config = { endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } }
  const client = new S3Client(config)
  const bucket = ownBucket ?? `formgate-${randomBytes(8).toString('hex')}`
  if (ownBucket === undefined) await client.send(new CreateBucketCommand({ Bucket: bucket }))
  const prefix = `test-${randomBytes(8).toString('hex')}/`
  const env = {
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    S3_BUCKET: bucket,
    S3_PREFIX: prefix,
  }
  const contents = async (): Promise<string[]> => {
    const where = { Bucket: bucket, Prefix: prefix }
    const listed = client.send(new ListObjectsV2Command(where))
    const objects = await listed.catch((error: unknown) => {
      if (error instanceof NoSuchBucket) return undefined
      throw error
    })
    if (objects === undefined) return []
    const { Contents = [] } = objects
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand(where))
    return [...Contents.map(({ Key = '' }) => Key), ...Uploads.map(({ Key = '' }) => `parts of ${Key}`)]
  }
  return { config, client, bucket, prefix, env, contents }
}
