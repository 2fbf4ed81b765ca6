import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import org.apache.hadoop.conf.Configuration;

/**
 * Commits to a table in a local folder by link(2), which fails when the name is taken, as Sluice and delta-rs do. Spark's own way, HDFS's, looks
 * whether the name is taken and renames then, and rename(2) replaces what came in between: beside any other process it can lose a commit of
 * that one. For `spark.delta.logStore.file.impl`.
 */
public class LinkLogStore extends io.delta.storage.HDFSLogStore {
  public LinkLogStore(Configuration configuration) {
    super(configuration);
  }

  @Override
  public void write(
      org.apache.hadoop.fs.Path path, Iterator<String> actions, Boolean overwrite, Configuration configuration)
      throws IOException {
    if (overwrite) {
      super.write(path, actions, true, configuration);
      return;
    }
    Path file = Path.of(path.toUri().getPath());
    Path temporary = Files.createTempFile(file.getParent(), ".commit-", ".tmp");
    try {
      try (BufferedWriter lines = Files.newBufferedWriter(temporary)) {
        while (actions.hasNext()) {
          lines.write(actions.next());
          lines.write('\n');
        }
      }
      // Throws the FileAlreadyExistsException that Delta waits for.
      Files.createLink(file, temporary);
    } finally {
      Files.delete(temporary);
    }
  }
}
