#!/usr/bin/env node
// npm links a bin only when its file is there at install, and a fresh clone is not built yet: this file is, and builds what is missing.
import { existsSync } from 'node:fs'

const built = new URL('../dist/command-line.js', import.meta.url)
const buildScript = new URL('../../../scripts/build.mjs', import.meta.url)
if (!existsSync(built) && existsSync(buildScript)) (await import(buildScript.href)).build()
const { runCommandLine } = await import(built.href)
process.exitCode = await runCommandLine(process.argv.slice(2), process)
