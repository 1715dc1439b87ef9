import type { ReactElement } from 'react'
import { Modal } from '../parts/modal.tsx'

const KEYS: readonly (readonly [keys: readonly string[], does: string])[] = [
  [['j', '↓'], 'next finding'],
  [['k', '↑'], 'previous finding'],
  [['Enter'], 'open the finding'],
  [['g', 'o'], 'go to the overview'],
  [['g', 'p'], 'go to Postgres'],
  [['g', 'c'], 'go to the cache'],
  [['g', 'j'], 'go to the jobs'],
  [['g', 'f'], 'go to all findings'],
  [['p', 'Space'], 'pause or resume'],
  [['t'], 'light or dark'],
  [['?'], 'this list'],
  [['Esc'], 'close a dialog'],
]

/** The page's keys. */
export function HelpDialog({ onClose }: { onClose(): void }): ReactElement {
  return (
    <Modal title="Keys" onClose={onClose}>
      <dl className="keys">
        {KEYS.map(([keys, does]) => (
          <div key={does}>
            <dt>
              {keys.map((key, index) => (
                <span key={key}>
                  {index === 0 ? '' : keys[0] === 'g' ? ' then ' : ' or '}
                  <kbd>{key}</kbd>
                </span>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  )
}
