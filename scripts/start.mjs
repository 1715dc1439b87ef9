// `npm start`: builds what is out of date, then runs `holdfast demo` with the arguments given.
import { build } from './build.mjs'

build()
const { runCommandLine } = await import('../packages/cli/dist/command-line.js')
process.exitCode = await runCommandLine(['demo', ...process.argv.slice(2)], process)
