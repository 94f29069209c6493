/** The packages as they are published: packed, and installed by npm in folders outside the workspace. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pnpm, runQuietly } from './run.mjs'

/** A temporary folder with a tarball of each package, which lasts as long as the process. */
export class Tarballs {
  folder
  #names

  /** The paths of all tarballs. */
  get paths() {
    return this.#names.map((name) => join(this.folder, name))
  }

  /** @param {string} name of the folder */
  constructor(name) {
    this.folder = mkdtempSync(join(tmpdir(), `formgate-${name}-`))
    process.on('exit', () => rmSync(this.folder, { recursive: true, force: true }))
    const pack = ['--recursive', '--filter=./packages/*', 'pack', '--pack-destination', this.folder]
    if (runQuietly(...pnpm(), ...pack) !== 0) process.exit(1)
    this.#names = readdirSync(this.folder)
  }

  /**
   * What npm installs for a package.
   * @param {string} name without the scope
   */
  of(name) {
    const tarball = this.#names.find((each) => each.startsWith(`formgate-${name}-`)) ?? ''
    return `file:${join(this.folder, tarball)}`
  }

  /**
   * Installs in a new folder, as a user does.
   * @param {string} name of the folder
   * @param {object} manifest its package.json
   * @param {string[]} packages besides its dependencies
   * @returns {Promise<string>} the path of the folder
   */
  async install(name, manifest, packages = []) {
    const app = join(this.folder, name)
    mkdirSync(app)
    writeFileSync(join(app, 'package.json'), JSON.stringify(manifest))
    const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
    await promisify(execFile)('npm', ['install', ...flags, ...packages], {
      cwd: app,
      shell: process.platform === 'win32',
    })
    return app
  }
}
