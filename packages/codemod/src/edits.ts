/** The changes of one file, kept as pieces of text, so that everything else stays as it was. */
import { Node, SyntaxKind, type SourceFile } from 'ts-morph'

/** What takes the place of an old package. */
export type Adapter = '@formgate/express' | '@formgate/koa' | '@formgate/fastify'

/** A decision for a person. */
export interface Mark {
  readonly file: string
  readonly line: number
  readonly text: string
}

interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

export class FileEdits {
  readonly file: SourceFile
  readonly marks: Mark[] = []
  readonly isTypeScript: boolean
  /** The imports of old packages, each with whether it is still in use. */
  readonly old: Map<Node, boolean> = new Map()
  #edits: Edit[] = []
  readonly #comments: Edit[] = []
  readonly #names = new Map<string, Set<string>>()

  constructor(file: SourceFile) {
    this.file = file
    this.isTypeScript = /\.[mc]?tsx?$/.test(file.getFilePath())
  }

  get isChanged(): boolean {
    return this.#edits.length > 0 || this.#comments.length > 0
  }

  /** The packages that it imports anew. */
  get packages(): readonly string[] {
    return [...this.#names.keys()]
  }

  /** Replaces a range, together with the edits inside it: render them into `text` if they are to stay. */
  replace(start: number, end: number, text: string): void {
    this.#edits = this.#edits.filter((each) => {
      const isBehind = each.start === each.end && each.start === end
      return each.start < start || each.end > end || start === end || isBehind
    })
    this.#edits.push({ start, end, text })
  }

  insert(at: number, text: string): void {
    this.replace(at, at, text)
  }

  /** Replaces a node. */
  set(node: Node, text: string): void {
    this.replace(node.getStart(), node.getEnd(), text)
  }

  /** The text of a range, with the edits inside it. */
  #render(start: number, end: number): string {
    const source = this.file.getFullText()
    let text = ''
    let at = start
    const inside = this.#edits.filter((each) => each.start >= start && each.end <= end)
    for (const edit of inside.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
      if (edit.start < at) throw new Error(`Two changes overlap at "${source.slice(edit.start, edit.end)}".`)
      text += source.slice(at, edit.start) + edit.text
      at = edit.end
    }
    return text + source.slice(at, end)
  }

  /** The text of a node, with the edits inside it. */
  textOf(node: Node): string {
    return this.#render(node.getStart(), node.getEnd())
  }

  /** What is before a position in its line: its indentation, if nothing else is. */
  lineBefore(position: number): string {
    const source = this.file.getFullText()
    return source.slice(source.lastIndexOf('\n', position - 1) + 1, position)
  }

  /** Puts a comment above the statement of a node, unless it is there from an earlier run. */
  mark(node: Node, text: string, page: string): void {
    const statement = isInList(node) ? node : (node.getFirstAncestor(isInList) ?? node)
    const start = statement.getStart()
    const { line } = this.file.getLineAndColumnAtPos(start)
    if (this.marks.some((each) => each.text === text && each.line === line)) return
    this.marks.push({ file: this.file.getFilePath(), line, text })
    const comment = `// TODO(formgate): ${text} See docs/${page}.`
    const above = this.file.getFullText().slice(0, start).trimEnd().split('\n').slice(-3)
    if (above.join().includes(comment)) return
    const indent = this.lineBefore(start)
    this.#comments.push({
      start,
      end: start,
      text: /^\s*$/.test(indent) ? `${comment}\n${indent}` : `/* ${comment.slice(3)} */ `,
    })
  }

  /** Has the file import a name. @returns the name to use, which differs if the file has such a name already */
  use(name: string, from: string, isType = false): string {
    const isTaken = this.file
      .getDescendantsOfKind(SyntaxKind.Identifier)
      .some((each) => each.getText() === name && isDeclaration(each))
    const local = isTaken ? `formgate${name[0]?.toUpperCase()}${name.slice(1)}` : name
    const names = this.#names.get(from) ?? new Set()
    names.add(`${isType ? 'type ' : ''}${name}${isTaken ? ` as ${local}` : ''}`)
    this.#names.set(from, names)
    return local
  }

  /** The imports of all that the file uses now, as the file writes its own. */
  #importsLike(example: Node | undefined): string {
    const source = this.file.getFullText()
    const isEsm = example
      ? Node.isImportDeclaration(example) || Node.isImportEqualsDeclaration(example)
      : this.isTypeScript || this.file.getFilePath().endsWith('.mjs')
    const quote = (example?.getText() ?? source).includes('"') ? '"' : "'"
    const end = (Node.isStatement(example) ? example.getText() : source).includes(';') ? ';' : ''
    const lines = [...this.#names].map(([from, names]) => {
      const list = [...names].toSorted().join(', ')
      return isEsm
        ? `import { ${list} } from ${quote}${from}${quote}${end}`
        : `const { ${list.replaceAll(' as ', ': ')} } = require(${quote}${from}${quote})${end}`
    })
    return lines.join('\n')
  }

  /** Writes the imports in place of those of old packages that are no longer in use. */
  #import(): void {
    const statements = this.file.getStatements()
    const [old] = this.old.keys()
    const text = this.#importsLike(old ?? statements.findLast(isImport))
    const gone = [...this.old].flatMap(([each, isUsed]) => (isUsed ? [] : [each]))
    for (const [index, each] of gone.entries()) this.#removeImport(each, index === 0 ? text : '')
    if (gone.length > 0 || text === '') return
    const last = old ? statementOf(old) : statements.findLast(isImport)
    if (last) this.insert(last.getEnd(), `\n${text}`)
    else this.insert(statements[0]?.getStart() ?? 0, `${text}\n`)
  }

  #removeImport(old: Node, text: string): void {
    const statement = statementOf(old)
    const siblings = Node.isVariableStatement(statement) ? statement.getDeclarations() : []
    if (siblings.length > 1) {
      const others = siblings.filter((each) => each !== old).map((each) => this.textOf(each))
      const keyword = /^\w+/.exec(statement.getText())?.[0] ?? 'const'
      this.set(statement, `${keyword} ${others.join(', ')}\n${text}`)
    } else if (text === '') {
      const rest = /^[ \t]*\r?\n?/.exec(this.file.getFullText().slice(statement.getEnd()))?.[0] ?? ''
      this.replace(statement.getStart(), statement.getEnd() + rest.length, '')
    } else this.set(statement, text)
  }

  /** The changed text, with the line ends of the file. */
  toText(): string {
    const source = this.file.getFullText()
    this.#import()
    this.#edits.push(...this.#comments.splice(0))
    const text = this.#render(0, source.length)
    return source.includes('\r\n') ? text.replace(/\r?\n/g, '\r\n') : text
  }
}

/** True for a statement in a block or file, so that a comment can go above it. */
function isInList(node: Node): boolean {
  const parent = node.getParent()
  const hasStatements =
    Node.isBlock(parent) ||
    Node.isSourceFile(parent) ||
    Node.isModuleBlock(parent) ||
    Node.isCaseClause(parent)
  return hasStatements && Node.isStatement(node)
}

/** The statement of an import, or of the declaration of a `require()`. */
function statementOf(node: Node): Node {
  return node.getFirstAncestor(Node.isVariableStatement) ?? node
}

function isImport(node: Node): boolean {
  return (
    Node.isImportDeclaration(node) || (Node.isVariableStatement(node) && /\brequire\(/.test(node.getText()))
  )
}

/** True for the name of a variable, parameter, function or import, except of an old package. */
function isDeclaration(name: Node): boolean {
  const parent = name.getParent()
  const declared =
    Node.isVariableDeclaration(parent) ||
    Node.isParameterDeclaration(parent) ||
    Node.isFunctionDeclaration(parent) ||
    Node.isBindingElement(parent) ||
    Node.isImportSpecifier(parent) ||
    Node.isImportClause(parent)
  if (!declared || (Node.isBindingElement(parent) && parent.getPropertyNameNode() === name)) return false
  const statement = parent.getFirstAncestor((each) => Node.isStatement(each))?.getText() ?? ''
  return !oldPackages.test(statement)
}

/** A module specifier of an old package. */
export const oldPackages: RegExp = /['"](?:multer|@koa\/multer|koa-body|@?fastify[-/]multipart)['"]/
