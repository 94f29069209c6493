import { fileURLToPath } from 'node:url'
import { configDefaults, defineConfig } from 'vitest/config'

const packages = fileURLToPath(new URL('packages', import.meta.url))

/** Suites that drive other programs: a browser, curl, Python, a Ceph Object Gateway. */
const system = [
  'test/clients/{chromium,curl,early-answers,python-requests}.test.ts',
  'test/openapi-example.test.ts',
  'test/pipelines/{clamd,sqlite}.test.ts',
  'test/playground.test.ts',
  'test/s3/**/*.test.ts',
]

/** Suites that take minutes. */
const long = [
  'test/chaos/**/*.test.ts',
  'test/early-answers/**/*.test.ts',
  'test/endurance/**/*.test.ts',
  'test/nest/jest.test.ts',
  'test/pipelines/memory.test.ts',
  'test/fuzz/{every-byte-long,first-half,second-half}.test.ts',
  'test/validation/long-round-trip.test.ts',
]

/** Suites with `FORMGATE_LONG` for all their cases, and fewer in every check. */
const longer = [
  'test/fuzz/hostile/search.test.ts',
  'test/linear-time/patterns.test.ts',
  'test/typed/sizes.test.ts',
]

/** Suites that measure memory or processor time, or change the process: each has one of its own. */
const apart = [
  'test/advisories/**/*.test.ts',
  'test/codemod/**/*.test.ts',
  'test/docs/snippets.test.ts',
  'test/fuzz/**/*.test.ts',
  'test/linear-time/**/*.test.ts',
  'test/{one-process,shutdown,storages}.test.ts',
  'packages/core/src/{files/rejected-file,parsers/form-parser}.test.ts',
  'test/adapters/{buffer-release,encodings,express-shapes,withheld}.test.ts',
  'test/typed/sizes.test.ts',
  'test/pipelines/**/*.test.ts',
]

/** Suites that also run on Express 4 and Koa 2: all of them in the long check, and these in every check. */
const onOlderMajors = 'test/{adapters,neighbours,typed}/**/*.test.ts'
const someOnOlderMajors = [
  'test/adapters/{choice,errors,express-4,files,request-properties}.test.ts',
  'test/neighbours/{beside,life-cycle,parsers-above,parsers-below,raw-body}.test.ts',
]
/** Runs for as long as it is told to, by `npm run fuzz`: its bodies are others each time. */
const campaign = 'test/fuzz/long-run.test.ts'
/** Runs only there. */
const onExpress4 = 'test/adapters/express-4.test.ts'
const together = { isolate: false, setupFiles: ['test/new-modules.ts'] }
const older = {
  alias: [
    { find: /^express$/, replacement: 'express-4' },
    { find: /^koa$/, replacement: 'koa-2' },
  ],
}

export default defineConfig({
  resolve: {
    // Tests run against the sources, so that no stale build can pass or fail them.
    alias: [
      { find: /^@formgate\/([\w-]+)$/, replacement: `${packages}/$1/src/index.ts` },
      { find: /^@formgate\/([\w-]+)\/describe$/, replacement: `${packages}/$1/src/describe/index.ts` },
      { find: /^@formgate\/([\w-]+)\/([\w-]+)$/, replacement: `${packages}/$1/src/$2.ts` },
    ],
  },
  test: {
    // The AWS SDK warns about old versions of Node. That warning is for apps, not for tests.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    pool: 'forks',
    retry: 0,
    // Below this a test is not listed by its name: on a busy machine that would be hundreds.
    slowTestThreshold: 10_000,
    // At least ten times what anything takes on a quiet machine.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'check',
          ...together,
          include: ['packages/*/src/**/*.test.ts', 'examples/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...apart, ...system, ...long, campaign, onExpress4],
        },
      },
      {
        extends: true,
        test: {
          name: 'check, apart',
          include: apart,
          exclude: [...configDefaults.exclude, ...system, ...long, campaign],
        },
      },
      {
        extends: true,
        resolve: older,
        test: { name: 'check, older majors', ...together, include: someOnOlderMajors },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: system,
          globalSetup: ['test/s3/global-setup.ts'],
          // Where the machine allows it, these suites install the programs that they need.
          env: { FORMGATE_INSTALL: 'true' },
        },
      },
      {
        extends: true,
        // One after the other: some measure the memory and the answer times of their servers.
        test: {
          name: 'long',
          include: [...long, ...longer],
          fileParallelism: false,
          env: { FORMGATE_LONG: 'true' },
        },
      },
      {
        extends: true,
        test: { name: 'fuzz', include: [campaign] },
      },
      {
        extends: true,
        resolve: older,
        // Apart from the long suites, since these run in parallel.
        test: {
          name: 'long, older majors',
          include: [onOlderMajors],
          exclude: [...configDefaults.exclude, 'test/{adapters,neighbours}/fastify.test.ts'],
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
