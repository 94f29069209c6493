/** Injects faults of the file system for the file that is being stored. */
import { AsyncLocalStorage } from 'node:async_hooks'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

/**
 * @typedef {object} Fault
 * @property {string} operation `open`, `write`, `short`, `sync`, `close`, `rename`, `link` or `vanish`; another does nothing
 * @property {string} code such as `ENOSPC`
 * @property {() => Promise<void>} [vanish] removes the directory
 */

/** @type {AsyncLocalStorage<Fault>} */
const current = new AsyncLocalStorage()

/**
 * @template Result
 * @param {Fault} fault
 * @param {() => Result} run
 */
export function withFault(fault, run) {
  return current.run(fault, run)
}

/** @param {string} operation */
function failIf(operation) {
  const fault = current.getStore()
  if (fault?.operation === operation) throw errorOf(fault)
}

/** @param {Fault} fault */
function errorOf({ code, operation }) {
  return Object.assign(new Error(`${code}: injected, ${operation}`), { code, syscall: operation })
}

const { open, rename, link } = fs

/** @type {typeof fs.open} */
fs.open = async (...args) => {
  failIf('open')
  const handle = await open(...args)
  const fault = current.getStore()
  if (fault !== undefined) breakHandle(handle, fault)
  return handle
}
fs.rename = async (...args) => {
  failIf('rename')
  return rename(...args)
}
fs.link = async (...args) => {
  failIf('link')
  return link(...args)
}
// So that functions imported by name fail too.
syncBuiltinESMExports()

/**
 * @param {import('node:fs/promises').FileHandle} handle
 * @param {Fault} fault
 */
function breakHandle(handle, fault) {
  const { operation } = fault
  const close = handle.close.bind(handle)
  const writev = handle.writev.bind(handle)
  if (operation === 'close') {
    // As in the system, the descriptor is closed, but data may be lost.
    handle.close = async () => {
      await close()
      throw errorOf(fault)
    }
  } else if (operation === 'sync') {
    handle.sync = () => Promise.reject(errorOf(fault))
  } else if (operation === 'write') {
    // A part of the first batch has been written by then.
    handle.writev = async (buffers) => {
      await handle.write(/** @type {Uint8Array} */ (buffers[0]).subarray(0, 100))
      throw errorOf(fault)
    }
  } else if (operation === 'short') {
    handle.writev = /** @type {any} */ (
      async (/** @type {readonly Uint8Array[]} */ buffers) => {
        const [first] = buffers
        return first && first.length > 1
          ? handle.write(first.subarray(0, Math.ceil(first.length / 2)))
          : writev(buffers)
      }
    )
  } else if (operation === 'vanish') {
    handle.writev = async (buffers) => {
      await fault.vanish?.()
      return writev(buffers)
    }
  }
}
