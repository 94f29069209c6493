/** The website: the pages of docs/ as they are, those of site/pages, and the API reference that TypeDoc writes. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import { apiSidebar } from '../api.mjs'
import { groupFrameworks } from './framework-tabs.mjs'

const require = createRequire(import.meta.url)
const root = fileURLToPath(new URL('../../', import.meta.url))
const { homepage, repository: source } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const repository = source.url.replace(/^git\+|\.git$/g, '')
const shown = new Set(['README.md', 'docs', 'site'])
/** Every other file and folder of the repository. */
const left = readdirSync(root).filter((name) => !shown.has(name))

const sourceIcon =
  '<svg viewBox="0 0 24 24"><path fill="none" stroke="currentColor" stroke-width="2" d="m8 6-6 6 6 6m8-12 6 6-6 6"/></svg>'

/** Pages that most readers do not look for. */
const notSearched = /^(?:decisions\/|multipart-conformance|api\/.*(?:ParserContext|RouteParams))/

/** What the site calls a page of the repository. The first match decides. */
const rewrites = {
  'README.md': 'overview.md',
  'site/pages/:page': ':page',
  'site/api/:path*': 'api/:path*',
  'docs/README.md': 'all-pages.md',
  'docs/decisions/README.md': 'decisions/index.md',
  'docs/decisions/:page': 'decisions/:page',
  'docs/:page': ':page',
}

export default defineConfig({
  title: 'Formgate',
  description: 'Request bodies for Node: data and files, the same way on Express, Koa and Fastify',
  lang: 'en',
  srcDir: root,
  srcExclude: [...left.map((name) => (name.endsWith('.md') ? name : `${name}/**`)), 'site/README.md'],
  rewrites,
  outDir: fileURLToPath(new URL('dist', import.meta.url)),
  cacheDir: fileURLToPath(new URL('cache', import.meta.url)),
  cleanUrls: false,
  lastUpdated: false,
  sitemap: { hostname: homepage },
  buildEnd: writeForAgents,
  head: [['link', { rel: 'icon', href: '/icon.svg', type: 'image/svg+xml' }]],
  markdown: {
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    // The docs have code in angle brackets and braces, which Vue must not read.
    attrs: { disable: true },
    anchor: { slugify: githubAnchor },
    config(md) {
      md.core.ruler.push('framework-tabs', groupFrameworks)
      md.core.ruler.push('repository-links', linkFromRepository)
      md.core.ruler.push('empty-headings', emptyHeadingToCell)
    },
  },
  vite: {
    publicDir: fileURLToPath(new URL('../public', import.meta.url)),
    // The pages are outside of this folder, and would look for Vue where they are.
    resolve: {
      alias: [
        { find: /^vue\/server-renderer$/, replacement: require.resolve('vue/server-renderer') },
        { find: /^vue$/, replacement: require.resolve('vue/dist/vue.runtime.esm-bundler.js') },
      ],
    },
    build: { chunkSizeWarningLimit: 2000 },
  },
  themeConfig: {
    logo: '/icon.svg',
    nav: [
      { text: 'Guide', link: '/start', activeMatch: '^/(start|forms|validation|files|errors)' },
      { text: 'API', link: '/api/', activeMatch: '^/api/' },
      { text: 'Playground', link: '/playground' },
      { text: 'Comparison', link: '/comparison' },
    ],
    // Icons by name come from another host while one edits.
    socialLinks: [{ icon: { svg: sourceIcon }, link: repository, ariaLabel: 'The source' }],
    search: {
      provider: 'local',
      options: {
        _render: (source, env, md) => (notSearched.test(env.relativePath) ? '' : md.render(source, env)),
        miniSearch: { searchOptions: { boost: { title: 4, titles: 2 } } },
      },
    },
    outline: { level: [2, 3] },
    sidebar: {
      '/api/': apiSidebar(),
      '/': [
        {
          text: 'Guide',
          items: [
            {
              text: 'Start',
              link: '/start',
              collapsed: true,
              items: [{ text: 'A first upload', link: '/first-upload' }],
            },
            { text: 'Forms', link: '/forms' },
            { text: 'Typed forms', link: '/validation' },
            { text: 'Files', link: '/files' },
            {
              text: 'Storages',
              link: '/writing-a-storage',
              collapsed: true,
              items: [
                { text: 'Uploads into a bucket', link: '/s3' },
                { text: 'Direct uploads', link: '/direct-uploads' },
                { text: 'Streaming parts', link: '/streaming-parts' },
                { text: 'Pipelines', link: '/pipelines' },
                { text: 'Inspecting files', link: '/inspecting-files' },
              ],
            },
            { text: 'Errors', link: '/errors' },
            { text: 'Nest', link: '/nest' },
            { text: 'Testing', link: '/testing' },
            {
              text: 'Production',
              link: '/placement',
              collapsed: true,
              items: [
                { text: 'Placement', link: '/placement' },
                { text: 'Observability', link: '/observability' },
                { text: 'Scaling out', link: '/scaling' },
                { text: 'Reliability', link: '/reliability' },
                { text: 'Early answers', link: '/early-answers' },
                { text: 'Performance', link: '/performance' },
              ],
            },
            { text: 'Security', link: '/security' },
            { text: 'Migrating', link: '/migrating' },
          ],
        },
        {
          text: 'More',
          link: '/all-pages',
          collapsed: true,
          items: [
            { text: 'Overview', link: '/overview' },
            { text: 'Parsers', link: '/parsers' },
            { text: 'What clients send', link: '/clients' },
            { text: 'Signed webhooks', link: '/webhooks' },
            { text: 'OpenAPI', link: '/openapi' },
            { text: 'Multipart conformance', link: '/multipart-conformance' },
            { text: 'For coding agents', link: '/agents' },
            { text: 'Architecture', link: '/architecture' },
            { text: 'Decisions', link: '/decisions/' },
          ],
        },
      ],
    },
    docFooter: { prev: 'Previous', next: 'Next' },
    footer: { message: 'MIT licensed. Every block of code on these pages runs in a test.' },
  },
})

/** llms.txt (llmstxt.org): the pages of the guide, with what each covers, from the table of docs/README.md. */
function writeForAgents({ outDir }) {
  const table = readFileSync(`${root}docs/README.md`, 'utf8')
  const rows = [...table.matchAll(/^\| \[(.+?)\]\((.+?)\.md\) \| (.+) \|$/gm)]
  const list = rows.map(([, title, page, about]) => `- [${title}](${homepage}/${page}.html): ${about}`)
  const about =
    'Formgate reads request bodies in Node: data and files, the same way on Express, Koa, Fastify and Nest.'
  writeFileSync(`${outDir}/llms.txt`, `# Formgate\n\n> ${about}\n\n## Docs\n\n${list.join('\n')}\n`)
}

/** The anchor of a heading, as GitHub makes it: links between the pages hold on both. */
function githubAnchor(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}

/** A screen reader announces an empty heading of a column for every cell below it. */
function emptyHeadingToCell({ tokens }) {
  for (const [at, token] of tokens.entries()) {
    if (token.type !== 'th_open' || tokens[at + 1].content !== '') continue
    token.tag = 'td'
    tokens[at + 2].tag = 'td'
  }
}

/** Points relative links of a page at the pages of the site, or else at the files of the repository. */
function linkFromRepository({ tokens, env }) {
  const page = env.realPath ?? env.path
  for (const token of tokens) {
    for (const child of token.children ?? []) {
      const href = child.type === 'link_open' && child.attrGet('href')
      if (href && !/^(?:[a-z]+:|#|\/)/.test(href)) child.attrSet('href', siteLink(page, href))
    }
  }
}

function siteLink(page, href) {
  const [, path, anchor] = /^([^#]*)(#.*)?$/.exec(href)
  const file = resolve(dirname(page), decodeURI(path))
  const name = relative(root, file).replaceAll('\\', '/')
  const shownAs = pageOf(name)
  if (shownAs !== undefined) return `/${shownAs}${anchor ?? ''}`
  if (!existsSync(file)) throw new Error(`${relative(root, page)} links to ${name}, which does not exist.`)
  return `${repository}/${statSync(file).isDirectory() ? 'tree' : 'blob'}/main/${name}${anchor ?? ''}`
}

/** The path of a file on the site; `undefined` if it has none. */
function pageOf(name) {
  if (!name.endsWith('.md')) return undefined
  if (name === 'README.md') return 'overview.md'
  if (name === 'docs/README.md') return 'all-pages.md'
  if (name === 'docs/decisions/README.md') return 'decisions/index.md'
  const [, found] = /^(?:docs\/|site\/pages\/|site\/(?=api\/))(.+)$/.exec(name) ?? []
  return found
}
