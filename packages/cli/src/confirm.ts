import { createInterface } from 'node:readline/promises'
import type { CommandContext } from './command-line.ts'
import { cliErrors } from './errors.ts'

/** Asks for a word at the terminal unless --yes was given. `what`: what is about to be done, as it follows "type <word> to".
 *  @throws HF_CLI_CONFIRMATION_REQUIRED when nobody can be asked, or the answer is another word */
export async function confirm({ terminal, yes, signal }: CommandContext, what: string, word: string): Promise<void> {
  if (yes) return
  const hint = 'repeat the command with --yes'
  if (!terminal.interactive) throw cliErrors.create('HF_CLI_CONFIRMATION_REQUIRED', `not confirmed: ${what}`, { hint })
  const prompt = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await prompt.question(`type ${word} to ${what}: `, { signal })
    if (answer.trim() === word) return
    throw cliErrors.create('HF_CLI_CONFIRMATION_REQUIRED', `${JSON.stringify(answer)} is not ${word}: nothing was changed`, { hint })
  } finally {
    prompt.close()
  }
}
