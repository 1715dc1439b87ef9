// Names that the samples in the docs use as a reader's own code. One line each; what a sample is about never stands here.
import type { Holdfast } from 'holdfast'

declare global {
  const hf: Holdfast
}
