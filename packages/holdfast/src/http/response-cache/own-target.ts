/** The targeted field (RFC 9213) meant for this cache alone. */
export const OWN_TARGET = 'holdfast-cache-control'
