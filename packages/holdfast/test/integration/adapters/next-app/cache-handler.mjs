import { incrementalCache } from 'holdfast/next'
import { hf } from './lib/hf.mjs'

export default incrementalCache(hf)
