/** Storages of Formgate that pass files through other code on their way to where they stay. */
export { transform, type Transform, type TransformSpec, type Transformed } from './transform.js'
export { fromMulter, type MulterEngine, type MulterFile } from './from-multer.js'
