import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const packages = fileURLToPath(new URL('packages', import.meta.url))

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
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/s3/global-setup.ts'],
    // What the AWS SDK says of old versions of Node is for those who run apps.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    pool: 'forks',
    retry: 0,
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
})
