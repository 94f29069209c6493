export * from '@formgate/core'
