/** Moves an app from multer, koa-body and @fastify/multipart to Formgate. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { Project, ts, type SourceFile } from 'ts-morph'
import { oldPackages, type FileEdits, type Mark } from './edits.js'
import { migrateFastifyMultipart } from './fastify-multipart.js'
import { migrateKoaBody } from './koa-body.js'
import { migrateMulter } from './multer.js'
import { Work } from './work.js'

/** The old packages: what takes their place, and their types. */
const packages: Readonly<Record<string, readonly [adapter: string, types?: string]>> = {
  multer: ['@formgate/express', '@types/multer'],
  '@koa/multer': ['@formgate/koa', '@types/koa__multer'],
  'koa-body': ['@formgate/koa'],
  '@fastify/multipart': ['@formgate/fastify'],
  'fastify-multipart': ['@formgate/fastify'],
}
const version = '^0.1.0'

/** How a project is migrated. */
export interface MigrateOptions {
  /** Write nothing. Default false. */
  readonly dry?: boolean
}

/** What a run has done. Paths are absolute. */
export interface Migration {
  /** The new text of each file that changes. */
  readonly changed: ReadonlyMap<string, string>
  /** What a person must decide. */
  readonly marks: readonly Mark[]
  /** Files that were left as they were, and why. */
  readonly left: ReadonlyMap<string, string>
  /** True if the types of the changed files were checked. */
  readonly isTypeChecked: boolean
}

/**
 * Changes the files of an app, and its package.json.
 *
 * @param path a file or a directory. Directories called node_modules, dist, build or coverage, and hidden ones, are not read.
 * @throws Error if there is no such path
 */
export function migrate(path: string, { dry = false }: MigrateOptions = {}): Migration {
  const root = resolve(path)
  const sources = listFiles(root).map((name) => ({ name, text: readFileSync(name, 'utf8') }))
  if (!sources.some(({ text }) => oldPackages.test(text)))
    return { changed: new Map(), marks: [], left: new Map(), isTypeChecked: false }
  const project = openProject(root)
  for (const { name, text } of sources)
    project.createSourceFile(name, text.replace(/^\uFEFF/, ''), { overwrite: true })
  const work = new Work(project)
  migrateMulter(work)
  migrateKoaBody(work)
  migrateFastifyMultipart(work)

  const { edits } = work
  const isTypeChecked = configOf(root) !== undefined && hasTypes(edits)
  const checked = isTypeChecked ? work.files : edits.map(({ file }) => file)
  const before = errorsIn(project, checked, isTypeChecked)
  const broken = errorsIn(project, checked, false)
  const left = new Map<string, string>()
  const texts = new Map<string, string>()
  for (const each of edits) {
    const name = each.file.getFilePath()
    try {
      if (broken.get(name)!.length > 0) throw new Error('It has a syntax error.')
      texts.set(name, each.toText())
      each.file.replaceWithText(texts.get(name)!)
    } catch (error) {
      left.set(name, (error as Error).message)
    }
  }
  for (const [name, errors] of errorsIn(project, checked, isTypeChecked)) {
    const added = firstAdded(errors, before.get(name)!)
    if (added !== undefined) left.set(name, added)
  }
  // A file that stays as it was needs those beside it as they were.
  if (left.size > 0)
    for (const name of texts.keys()) left.set(name, left.get(name) ?? 'Another file could not be changed.')

  const changed = new Map<string, string>()
  for (const { name, text } of sources) {
    const mark = text.startsWith('\uFEFF') ? '\uFEFF' : ''
    const now = left.has(name) ? undefined : texts.get(name)
    if (now !== undefined && mark + now !== text) changed.set(name, mark + now)
  }
  for (const [name, text] of newManifests([...changed], work.kept)) changed.set(name, text)
  if (!dry) for (const [name, text] of changed) writeFileSync(name, text)
  const marks = left.size > 0 ? [] : edits.flatMap((each) => each.marks)
  return { changed, marks, left, isTypeChecked }
}

/** True if the changed files have types, and those of Formgate are installed. */
function hasTypes(edits: readonly FileEdits[]): boolean {
  const names = edits.flatMap(({ packages }) => packages).filter((name) => name.startsWith('@formgate/'))
  const isInstalled = (name: string): boolean =>
    edits.some(({ file }) =>
      createRequire(file.getFilePath())
        .resolve.paths(name)
        ?.some((folder) => existsSync(join(folder, name))),
    )
  return edits.some(({ isTypeScript }) => isTypeScript) && names.every(isInstalled)
}

/** What the compiler says about each file. */
function errorsIn(project: Project, files: readonly SourceFile[], hasTypes: boolean): Map<string, string[]> {
  const program = project.getProgram()
  return new Map(
    files.map((file) => {
      const found = [
        ...program.getSyntacticDiagnostics(file),
        ...(hasTypes ? program.getSemanticDiagnostics(file) : []),
      ]
      const texts = found.map((each) => ts.flattenDiagnosticMessageText(each.compilerObject.messageText, ' '))
      return [file.getFilePath(), texts]
    }),
  )
}

/** The first error that was not there, or not as often. */
function firstAdded(errors: readonly string[], before: readonly string[]): string | undefined {
  const known = [...before]
  return errors.find((error) => {
    const at = known.indexOf(error)
    if (at !== -1) known.splice(at, 1)
    return at === -1
  })
}

function openProject(root: string): Project {
  const own = { allowJs: true, checkJs: false, noEmit: true, skipLibCheck: true, maxNodeModuleJsDepth: 0 }
  const tsConfigFilePath = configOf(root)
  if (tsConfigFilePath !== undefined)
    return new Project({ tsConfigFilePath, skipAddingFilesFromTsConfig: true, compilerOptions: own })
  return new Project({
    skipLoadingLibFiles: true,
    compilerOptions: {
      ...own,
      noLib: true,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
    },
    // Without types there is nothing to learn from dependencies.
    resolutionHost: (host, options) => ({
      resolveModuleNames: (names, file) =>
        names.map((name) =>
          name.startsWith('.') ? ts.resolveModuleName(name, file, options(), host).resolvedModule : undefined,
        ),
    }),
  })
}

function configOf(root: string): string | undefined {
  const config = join(statSync(root).isDirectory() ? root : dirname(root), 'tsconfig.json')
  return existsSync(config) ? config : undefined
}

/** The programs below a path. */
function listFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const name = join(path, entry.name)
    if (entry.isDirectory())
      return /^(?:\..*|node_modules|dist|build|coverage)$/.test(entry.name) ? [] : listFiles(name)
    const isSource = /\.[cm]?[jt]sx?$/.test(entry.name) && !/\.d\.[cm]?ts$|\.min\./.test(entry.name)
    return entry.isFile() && isSource && statSync(name).size < 500_000 ? [name] : []
  })
}

/** The package.json above the changed files, with the new dependencies. */
function newManifests(changed: readonly [string, string][], kept: ReadonlySet<string>): Map<string, string> {
  const manifests = new Map<string, string>()
  for (const [name, text] of changed) {
    const file = parents(name)
      .map((each) => join(each, 'package.json'))
      .find((each) => existsSync(each))
    if (file === undefined) continue
    const old = manifests.get(file) ?? readFileSync(file, 'utf8')
    const manifest = JSON.parse(old) as Record<string, Record<string, string> | undefined>
    const lists = ['dependencies', 'devDependencies'] as const
    for (const [module, [adapter, types = module]] of Object.entries(packages)) {
      for (const key of lists) {
        const list = manifest[key]
        if (list?.[module] === undefined || !text.includes(adapter)) continue
        list[adapter] ??= version
        manifest[key] = Object.fromEntries(Object.entries(list).toSorted(([a], [b]) => (a < b ? -1 : 1)))
        if (kept.has(module)) continue
        for (const each of lists) for (const gone of [module, types]) delete manifest[each]?.[gone]
      }
    }
    if (JSON.stringify(manifest) === JSON.stringify(JSON.parse(old))) continue
    const indent = /^[ \t]+/m.exec(old)?.[0] ?? 2
    const now = JSON.stringify(manifest, undefined, indent) + (old.endsWith('\n') ? '\n' : '')
    manifests.set(file, old.includes('\r\n') ? now.replace(/\r?\n/g, '\r\n') : now)
  }
  return manifests
}

/** The directories above a file, up to the package that it belongs to. */
function parents(path: string): string[] {
  const folder = dirname(path)
  return folder === path || basename(folder) === 'node_modules' ? [] : [folder, ...parents(folder)]
}

const usage = `Usage: npx @formgate/codemod <path> [--dry] [--print]

Moves an app from multer, @koa/multer, koa-body or @fastify/multipart to Formgate.

  --dry     write nothing
  --print   print the new text of each file
`

/** Runs the command. @returns its exit code */
export function run(
  args: readonly string[],
  write = (text: string): unknown => process.stdout.write(text),
): number {
  const [path, ...others] = args.filter((each) => !/^--(?:dry|print)$/.test(each))
  if (path === undefined || others.length > 0 || path.startsWith('-') || !existsSync(path)) {
    write(path === undefined || others.length > 0 || path.startsWith('-') ? usage : `There is no ${path}.\n`)
    return 1
  }
  if (isDirty(path))
    write('Warning: git has changes here that are not committed, so a `git diff` will show both.\n')
  const dry = args.includes('--dry')
  const { changed, marks, left, isTypeChecked } = migrate(path, { dry })
  const show = (name: string): string => relative(process.cwd(), name)
  if (args.includes('--print')) for (const [name, text] of changed) write(`--- ${show(name)}\n${text}\n`)
  const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
  write(`${dry ? 'Would change' : 'Changed'} ${counted(changed.size, 'file')}.\n`)
  for (const name of changed.keys()) write(`  ${show(name)}\n`)
  if (marks.length > 0)
    write(`${counted(marks.length, 'place')} for you to decide, each with a comment TODO(formgate):\n`)
  for (const { file, line, text } of marks) write(`  ${show(file)}:${line} ${text}\n`)
  if (left.size > 0)
    write(`Left ${counted(left.size, 'file')} as before, since the result would not compile:\n`)
  for (const [name, reason] of left) write(`  ${show(name)}: ${reason}\n`)
  if (changed.size > 0 && !isTypeChecked)
    write(
      'Every file was parsed again. Types were not checked: run npm install, your compiler and your tests.\n',
    )
  else if (changed.size > 0)
    write('Every file was parsed and type-checked again. Run npm install and your tests.\n')
  return left.size > 0 ? 1 : 0
}

function isDirty(path: string): boolean {
  try {
    const folder = statSync(path).isDirectory() ? path : dirname(path)
    return (
      execFileSync('git', ['status', '--porcelain', '--', '.'], { cwd: folder, stdio: 'pipe' }).length > 0
    )
  } catch {
    return false
  }
}
