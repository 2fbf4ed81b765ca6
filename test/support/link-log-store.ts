import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SparkInstallation, SparkOptions } from './spark.ts'

const SOURCE = fileURLToPath(new URL('./LinkLogStore.java', import.meta.url))

/** Whether there is a compiler for it. */
export const HAS_JAVAC = ((): boolean => {
  try {
    execFileSync('javac', ['-version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

/** Lets a session commit to local folders so that nobody's commit is lost: compiles LinkLogStore.java in a folder. */
export function withLinkLogStore(installation: SparkInstallation, folder: string): SparkOptions {
  const python = ['-c', 'import os, pyspark; print(os.path.dirname(pyspark.__file__))']
  const spark = execFileSync(installation.python!, python, { encoding: 'utf8' }).trim()
  const classes = join(folder, 'classes')
  mkdirSync(classes, { recursive: true })
  const path = [...installation.jars.split(','), join(spark, 'jars', '*')].join(':')
  execFileSync('javac', ['-nowarn', '--release', '17', '-cp', path, '-d', classes, SOURCE])
  const jar = join(folder, 'link-log-store.jar')
  execFileSync('jar', ['--create', '--file', jar, '-C', classes, '.'])
  return { jars: [jar], settings: { 'spark.delta.logStore.file.impl': 'LinkLogStore' } }
}
