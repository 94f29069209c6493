/** The files that one run works on. */
import { Node, SyntaxKind, type CallExpression, type Project, type SourceFile } from 'ts-morph'
import { FileEdits } from './edits.js'
import { usesOf } from './values.js'

/** An import of an old package. */
export interface OldImport {
  readonly edits: FileEdits
  /** The statement or the declaration of `require()`. */
  readonly statement: Node
  readonly uses: readonly Use[]
}

/** A name in use: `MulterError`, or `multer.MulterError`, which counts as the same export. */
interface Use {
  /** `default` for the package as a whole. */
  readonly exported: string
  readonly node: Node
}

export class Work {
  readonly files: readonly SourceFile[]
  readonly calls: readonly CallExpression[]
  /** Old packages that are still in use somewhere. */
  readonly kept: Set<string> = new Set()
  readonly #edits = new Map<SourceFile, FileEdits>()

  constructor(project: Project) {
    this.files = project.getSourceFiles()
    this.calls = this.files.flatMap((file) => file.getDescendantsOfKind(SyntaxKind.CallExpression))
  }

  editsOf(file: SourceFile): FileEdits {
    const edits = this.#edits.get(file) ?? new FileEdits(file)
    this.#edits.set(file, edits)
    return edits
  }

  get edits(): readonly FileEdits[] {
    return [...this.#edits.values()].filter((each) => each.isChanged)
  }

  /** Puts a comment for a person above the statement of a node. */
  mark(node: Node, text: string, page: string): void {
    this.editsOf(node.getSourceFile()).mark(node, text, page)
  }

  /** Says that code which stays as it is needs an old package. */
  keep(module: string, statement?: Node): void {
    this.kept.add(module)
    if (statement) this.editsOf(statement.getSourceFile()).old.set(statement, true)
  }

  importsOf(module: string): OldImport[] {
    const files = this.files.filter((file) => file.getFullText().includes(module))
    return files.flatMap((file) => {
      const edits = this.editsOf(file)
      const statements: Node[] = [
        ...file.getImportDeclarations().filter((each) => each.getModuleSpecifierValue() === module),
        ...file
          .getDescendantsOfKind(SyntaxKind.VariableDeclaration)
          .filter((each) => requireOf(each.getInitializer()) === module),
        ...file
          .getDescendantsOfKind(SyntaxKind.ImportEqualsDeclaration)
          .filter((each) => each.getModuleReference().getText().includes(`require('${module}')`)),
      ]
      return statements.map((statement) => {
        edits.old.set(statement, false)
        const uses = namesOf(statement).flatMap(([exported, name]) =>
          usesOf(name).map((node) => exportIn(exported, node)),
        )
        return { edits, statement, uses }
      })
    })
  }
}

/** The names that an import declares, each after what it imports. */
function namesOf(statement: Node): (readonly [exported: string, name: Node])[] {
  if (Node.isImportDeclaration(statement)) {
    const wholes = [statement.getDefaultImport(), statement.getNamespaceImport()]
    const named = statement.getNamedImports()
    return [
      ...wholes.flatMap((each) => (each ? [['default', each] as const] : [])),
      ...named.map((each) => [each.getName(), each.getAliasNode() ?? each.getNameNode()] as const),
    ]
  }
  if (!Node.isVariableDeclaration(statement) && !Node.isImportEqualsDeclaration(statement)) return []
  const name = statement.getNameNode()
  if (!Node.isObjectBindingPattern(name)) return [['default', name]]
  return name
    .getElements()
    .map((each) => [each.getPropertyNameNode()?.getText() ?? each.getName(), each.getNameNode()])
}

function exportIn(exported: string, node: Node): Use {
  const parent = node.getParent()
  const isMember = Node.isPropertyAccessExpression(parent) && parent.getExpression() === node
  return exported === 'default' && isMember
    ? { exported: parent.getName(), node: parent }
    : { exported, node }
}

/** The module of `require('…')`, also with `.default` behind it. */
export function requireOf(node: Node | undefined): string | undefined {
  if (Node.isPropertyAccessExpression(node) && node.getName() === 'default')
    return requireOf(node.getExpression())
  if (!Node.isCallExpression(node) || node.getExpression().getText() !== 'require') return undefined
  const [module] = node.getArguments()
  return Node.isStringLiteral(module) ? module.getLiteralValue() : undefined
}
