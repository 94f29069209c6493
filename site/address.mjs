/** Where the project lives. Everything that needs an address takes it from here. */

/** The repository. */
export const repository = 'https://github.com/formgate/formgate'

/** The website. */
export const homepage = 'https://formgate.dev'
