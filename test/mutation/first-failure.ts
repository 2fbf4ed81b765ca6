import fc from 'fast-check'

// That a change was noticed is enough: nobody reads the smallest case that shows it.
fc.configureGlobal({ ...fc.readConfigureGlobal(), endOnFailure: true })
