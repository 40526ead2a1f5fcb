/** The organisation of everything until there are more. Every row names its organisation. */
export const DEFAULT_ORGANIZATION = 'default';
