/** The files that one run works on. */
import { Node, SyntaxKind, type CallExpression, type Project, type SourceFile } from 'ts-morph'
import { FileEdits } from './edits.js'

/** An import of an old package. */
export interface OldImport {
  readonly edits: FileEdits
  /** The statement or the declaration of `require()`. */
  readonly statement: Node
  /** The names that it declares, by the exported name; `default` for the package as a whole. */
  readonly names: Map<string, Node[]>
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
    return this.files
      .filter((file) => file.getFullText().includes(module))
      .flatMap((file) => {
        const edits = this.editsOf(file)
        const imports = file
          .getImportDeclarations()
          .filter((each) => each.getModuleSpecifierValue() === module)
        const requires = file
          .getDescendantsOfKind(SyntaxKind.VariableDeclaration)
          .filter((each) => requireOf(each.getInitializer()) === module)
        const equals = file
          .getDescendantsOfKind(SyntaxKind.ImportEqualsDeclaration)
          .filter((each) => each.getModuleReference().getText().includes(`require('${module}')`))
        for (const each of [...imports, ...requires, ...equals]) edits.old.set(each, false)
        return [
          ...imports.map((statement) => ({
            edits,
            statement,
            names: groupNames([
              ['default', statement.getDefaultImport()],
              ['default', statement.getNamespaceImport()],
              ...statement
                .getNamedImports()
                .map((each) => [each.getName(), each.getAliasNode() ?? each.getNameNode()] as const),
            ]),
          })),
          ...requires.map((statement) => {
            const name = statement.getNameNode()
            const names = Node.isObjectBindingPattern(name)
              ? name
                  .getElements()
                  .map(
                    (each) =>
                      [each.getPropertyNameNode()?.getText() ?? each.getName(), each.getNameNode()] as const,
                  )
              : [['default', name] as const]
            return { edits, statement, names: groupNames(names) }
          }),
          ...equals.map((statement) => ({
            edits,
            statement,
            names: groupNames([['default', statement.getNameNode()]]),
          })),
        ]
      })
  }
}

function groupNames(names: readonly (readonly [string, Node | undefined])[]): Map<string, Node[]> {
  const map = new Map<string, Node[]>()
  for (const [name, node] of names) if (node) map.set(name, [...(map.get(name) ?? []), node])
  return map
}

/** The module of `require('…')`, also with `.default` behind it. */
function requireOf(node: Node | undefined): string | undefined {
  if (Node.isPropertyAccessExpression(node) && node.getName() === 'default')
    return requireOf(node.getExpression())
  if (!Node.isCallExpression(node) || node.getExpression().getText() !== 'require') return undefined
  const [module] = node.getArguments()
  return Node.isStringLiteral(module) ? module.getLiteralValue() : undefined
}
