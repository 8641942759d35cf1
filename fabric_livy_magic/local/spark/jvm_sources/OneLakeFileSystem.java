package fabric_livy_magic.local;

import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;

import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/** `abfss://workspace@onelake…/lakehouse/path`, by names or ids, as files of the lakehouse's folder. Nothing else is found. */
public class OneLakeFileSystem extends FileSystem {
  private static final String HOST = "(?i)([a-z0-9-]+-)?onelake\\.(dfs|blob)\\.fabric\\.microsoft\\.com";

  private final RawLocalFileSystem local = new RawLocalFileSystem();
  private URI uri;
  private Lakehouses lakehouses;
  private String workspace;
  private Path working;

  public String getScheme() {
    return "abfss";
  }

  public void initialize(URI name, Configuration conf) throws IOException {
    super.initialize(name, conf);
    local.initialize(URI.create("file:///"), conf);
    String authority = name.getAuthority() == null ? "" : name.getAuthority();
    int at = authority.lastIndexOf('@');
    if (at < 1 || !authority.substring(at + 1).matches(HOST)) {
      throw new IOException(
          "'" + name + "' is not of the form abfss://workspace@onelake.dfs.fabric.microsoft.com/lakehouse/Files/…, and the"
              + " embedded Fabric has no other storage");
    }
    lakehouses = Lakehouses.of(conf);
    workspace = lakehouses.workspace(authority.substring(0, at).replace("%20", " "));
    uri = URI.create(name.getScheme() + "://" + name.getRawAuthority());
    working = new Path(name.getScheme(), authority, "/");
  }

  public URI getUri() {
    return uri;
  }

  /** Letter case counts in none of it. */
  protected void checkPath(Path path) {
    URI given = path.toUri();
    if (given.getScheme() != null && !String.valueOf(given.getRawAuthority()).equalsIgnoreCase(uri.getRawAuthority())) {
      throw new IllegalArgumentException(path + " is not in " + uri);
    }
  }

  private Path local(Path path) throws IOException {
    String[] parts = new Path(working, path).toUri().getPath().split("/", 3);
    if (parts.length < 2 || parts[1].isEmpty()) {
      throw new FileNotFoundException("'" + path + "' names no lakehouse: it comes behind the host");
    }
    String below = parts.length < 3 ? "" : parts[2];
    if (("/" + parts[1] + "/" + below + "/").contains("/../")) {
      throw new IOException("'" + path + "' leads out of the lakehouse");
    }
    Lakehouses.Lakehouse lakehouse = lakehouses.lakehouse(workspace, parts[1]);
    return new Path("file", null, below.isEmpty() ? lakehouse.folder : lakehouse.file(below));
  }

  private FileStatus shown(FileStatus status, Path path) {
    long size = status.isDirectory() ? 0 : status.getLen();
    Path full = new Path(working, path);
    return new FileStatus(size, status.isDirectory(), 1, status.getBlockSize(), status.getModificationTime(), full);
  }

  public FSDataInputStream open(Path path, int bufferSize) throws IOException {
    return local.open(local(path), bufferSize);
  }

  public FSDataOutputStream create(
      Path path, FsPermission permission, boolean overwrite, int bufferSize, short replication, long blockSize, Progressable progress)
      throws IOException {
    return local.create(local(path), overwrite, bufferSize, replication, blockSize, progress);
  }

  public FSDataOutputStream createNonRecursive(
      Path path, FsPermission permission, boolean overwrite, int bufferSize, short replication, long blockSize, Progressable progress)
      throws IOException {
    return local.createNonRecursive(local(path), permission, overwrite, bufferSize, replication, blockSize, progress);
  }

  public FSDataOutputStream append(Path path, int bufferSize, Progressable progress) throws IOException {
    return local.append(local(path), bufferSize, progress);
  }

  /** Onto no other file, at one blow: Delta's commits rely on that. */
  public boolean rename(Path from, Path to) throws IOException {
    Path source = local(from);
    Path target = local(to);
    File file = new File(source.toUri().getPath());
    File wanted = new File(target.toUri().getPath());
    if (!file.isFile() || wanted.isDirectory()) {
      return local.rename(source, target);
    }
    try {
      Files.createLink(wanted.toPath(), file.toPath());
    } catch (FileAlreadyExistsException there) {
      return false;
    } catch (UnsupportedOperationException noLinks) {
      return !wanted.exists() && local.rename(source, target);
    }
    return file.delete();
  }

  public boolean delete(Path path, boolean recursive) throws IOException {
    return local.delete(local(path), recursive);
  }

  public FileStatus[] listStatus(Path path) throws IOException {
    FileStatus[] found = local.listStatus(local(path));
    if (getFileStatus(path).isFile()) {
      return new FileStatus[] {getFileStatus(path)};
    }
    FileStatus[] shown = new FileStatus[found.length];
    for (int i = 0; i < found.length; i++) {
      shown[i] = shown(found[i], new Path(path, new Path(null, null, found[i].getPath().getName())));
    }
    return shown;
  }

  public FileStatus getFileStatus(Path path) throws IOException {
    return shown(local.getFileStatus(local(path)), path);
  }

  public boolean mkdirs(Path path, FsPermission permission) throws IOException {
    return local.mkdirs(local(path));
  }

  public void setTimes(Path path, long modified, long accessed) throws IOException {
    local.setTimes(local(path), modified, accessed);
  }

  public void setWorkingDirectory(Path path) {
    working = new Path(working, path);
  }

  public Path getWorkingDirectory() {
    return working;
  }
}
