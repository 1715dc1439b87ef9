import { functionCache } from 'holdfast/next'
import { hf } from './lib/hf.mjs'

export default functionCache(hf)
