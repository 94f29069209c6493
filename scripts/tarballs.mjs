/** The packages as they are published: packed, and installed by npm in folders outside the workspace. */
import { execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
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

  /**
   * Serves the tarballs as a registry of npm does.
   * @returns {Promise<{ address: string, close: () => void }>}
   */
  async serve() {
    let address = ''
    const documents = new Map(
      this.#names.map((file) => {
        const tar = ['-xzOf', join(this.folder, file), 'package/package.json']
        const manifest = JSON.parse(execFileSync('tar', tar, { encoding: 'utf8' }))
        const { name, version } = manifest
        const document = () => ({
          name,
          'dist-tags': { latest: version },
          versions: { [version]: { ...manifest, dist: { tarball: address + file } } },
        })
        return [name, document]
      }),
    )
    const server = createServer((request, response) => {
      const path = decodeURIComponent(String(request.url).slice(1))
      const document = documents.get(path)
      if (document !== undefined) response.end(JSON.stringify(document()))
      else if (this.#names.includes(path)) response.end(readFileSync(join(this.folder, path)))
      else response.writeHead(404).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
    address = `http://127.0.0.1:${port}/`
    return { address, close: () => server.close() }
  }
}
