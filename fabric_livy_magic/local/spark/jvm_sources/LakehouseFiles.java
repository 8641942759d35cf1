package fabric_livy_magic.local;

import java.io.File;
import java.io.IOException;
import java.net.URI;

import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.DelegateToFileSystem;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.InvalidPathException;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;

/** Files of this machine, with the lakehouse at `/lakehouse/default` and the notebook's resources at `/synfs/nb_resource`. Relative paths start there, and end there too. */
public class LakehouseFiles extends LocalFileSystem {
  static final String MOUNTS = "/lakehouse";
  static final String MOUNT = MOUNTS + "/default";
  static final String RESOURCES = "/synfs/nb_resource";

  public LakehouseFiles() {
    super(new Raw());
  }

  /** No file has a checksum beside it: abfss and Python write the same ones, and leave it as it was. */
  public void initialize(URI uri, Configuration conf) throws IOException {
    super.initialize(uri, conf);
    setVerifyChecksum(false);
    setWriteChecksum(false);
  }

  /** What Delta writes its log through. */
  public static class ForContexts extends DelegateToFileSystem {
    public ForContexts(URI uri, Configuration conf) throws Exception {
      super(uri, new Raw(), conf, "file", false);
    }

    public int getUriDefaultPort() {
      return -1;
    }
  }

  static class Raw extends RawLocalFileSystem {
    private Lakehouses.Lakehouse own;
    private String resources;

    public void initialize(URI uri, Configuration conf) throws IOException {
      super.initialize(uri, conf);
      Lakehouses lakehouses = Lakehouses.of(conf);
      if (lakehouses != null) {
        own = lakehouses.own;
        resources = lakehouses.resources;
        setWorkingDirectory(new Path("file", null, MOUNT));
      }
    }

    private boolean isMounted(Path path) {
      String name = makeQualified(path).toUri().getPath();
      return own != null && (name + "/").startsWith(MOUNT + "/");
    }

    private boolean isResource(Path path) {
      return resources != null && (makeQualified(path).toUri().getPath() + "/").startsWith(RESOURCES + "/");
    }

    public File pathToFile(Path path) {
      String name = makeQualified(path).toUri().getPath();
      if (isMounted(path)) {
        return new File(name.equals(MOUNT) ? own.folder : own.file(name.substring(MOUNT.length() + 1)));
      }
      if (isResource(path)) {
        return new File(resources + name.substring(RESOURCES.length()));
      }
      if (own != null && (name.startsWith(MOUNTS + "/") || name.startsWith("/../"))) {
        throw new InvalidPathException(name, "It leads out of the lakehouse, " + MOUNT);
      }
      return super.pathToFile(path);
    }

    public FileStatus[] listStatus(Path path) throws IOException {
      // The original gives a single file by its other name.
      return pathToFile(path).isFile() ? new FileStatus[] {getFileStatus(path)} : super.listStatus(path);
    }

    public FileStatus getFileStatus(Path path) throws IOException {
      FileStatus found = super.getFileStatus(path);
      if (!isMounted(path) && !isResource(path)) {
        return found;
      }
      return new FileStatus(
          found.getLen(), found.isDirectory(), 1, found.getBlockSize(), found.getModificationTime(), makeQualified(path));
    }
  }
}
