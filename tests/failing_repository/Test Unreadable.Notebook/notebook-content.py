print('no notebook of Fabric')
