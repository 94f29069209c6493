/** Names the modules of the reference as they are imported: `@formgate/core/checks` instead of `core/src/checks`. */
import { existsSync, readFileSync } from 'node:fs'
import { Comment, Converter, ReflectionKind } from 'typedoc'
import { MarkdownPageEvent } from 'typedoc-plugin-markdown'

/** @param {import('typedoc-plugin-markdown').MarkdownApplication} app */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    for (const module of context.project.getChildrenByKind(ReflectionKind.Module)) {
      const [, name, entry] =
        /^(?:packages\/)?([\w-]+)\/src(?:\/(.+?))??(?:\/index)?$/.exec(module.name) ?? []
      if (name === undefined) throw new Error(`${module.name} is not the source of a package.`)
      module.name = `@formgate/${name}${entry ? `/${entry}` : ''}`
      // The first comment of each entry says what it is for. It needs no tag that only TypeDoc would read.
      const file = [`/${entry}.ts`, `/${entry ?? '.'}/index.ts`]
        .map((path) => new URL(`../packages/${name}/src${path}`, import.meta.url))
        .find((url) => existsSync(url))
      const [, about] = /^\/\*\* ?(.+?) ?\*\//.exec(readFileSync(file, 'utf8')) ?? []
      if (about !== undefined) module.comment = new Comment([{ kind: 'text', text: about }])
    }
  })
  // One line for each name that an adapter takes from core, instead of a section.
  app.renderer.on(MarkdownPageEvent.END, (page) => {
    page.contents = page.contents
      ?.replaceAll(/### \S+\n\nRe-exports (\[.+\]\(.+\))(?:\n\n\*\*\*)?\n/g, '- $1')
      .replace('## References', '## From another entry')
  })
}
